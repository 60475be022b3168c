/**
 * Builds dist/routelb.js: the whole program in one file, run by Node >= 24, and the thread that it
 * runs BFD in, dist/bfd-worker.js.
 *
 * koffi stays outside the bundle, because it finds its native file by its own package's folder; what
 * it needs lies beside the bundle, in dist/node_modules.
 */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, type Plugin } from "esbuild";
import { bundleOptions } from "./bundle.ts";

/**
 * What client-node needs where it talks to a server by itself, which we never let it: our requests
 * are of node:http (`src/kube/http.ts`). undici is 760 kB of code and 8 MB of memory, the 700
 * generated models are 630 kB.
 */
const unused: Readonly<Record<string, string>> = {
  undici: "export class Agent {} export class ProxyAgent {} export const fetch = undefined;",
  "./gen/index.js":
    "export class ServerConfiguration {} export const createConfiguration = undefined;",
};
const clientNodeMakesNoRequests: Plugin = {
  name: "client-node-makes-no-requests",
  setup(bundler) {
    bundler.onResolve({ filter: /^undici$|^\.\/gen\/index\.js$/ }, ({ path, importer }) =>
      importer.includes("/@kubernetes/client-node/") ? { path, namespace: "unused" } : undefined,
    );
    bundler.onLoad({ filter: /.*/, namespace: "unused" }, ({ path }) => ({
      contents: unused[path] ?? "",
    }));
  },
};

rmSync("dist", { recursive: true, force: true });
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
await build({
  ...bundleOptions,
  entryPoints: { routelb: "src/cli/main.ts", "bfd-worker": "src/bfd/worker.ts" },
  outdir: "dist",
  sourcemap: "linked",
  sourcesContent: false,
  legalComments: "linked",
  external: ["koffi"],
  define: {
    "process.env.ROUTELB_VERSION": JSON.stringify(version),
    'process.env["ROUTELB_BFD_WORKER"]': '"./bfd-worker.js"',
  },
  plugins: [...bundleOptions.plugins, clientNodeMakesNoRequests],
});

const koffiFiles = [
  "node_modules/koffi/{package.json,LICENSE.txt,index.*}",
  "node_modules/koffi/src/koffi/*.{js,cjs}",
  "node_modules/koffi/src/koffi/src/*.{js,cjs}",
];
const nativeFiles = ["node_modules/@koromix/koffi-*/**"];
for (const file of globSync([...koffiFiles, ...nativeFiles])) {
  if (statSync(file).isFile()) {
    const target = join("dist", file);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(file, target);
  }
}
const kilobytes = Math.round(statSync("dist/routelb.js").size / 1000);
console.log(`dist/routelb.js: ${kilobytes} kB`);
