/**
 * Builds dist/routelb.js: the whole program in one file, run by Node >= 24, and the thread that it
 * runs BFD in, dist/bfd-worker.js.
 *
 * koffi stays outside the bundle, because it finds its native file by its own package's folder; what
 * it needs lies beside the bundle, in dist/node_modules.
 */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { build, type Plugin } from "esbuild";
import { bundleOptions } from "./bundle.ts";

const packageFolder = `${sep}@kubernetes${sep}client-node${sep}`;

/**
 * client-node uses undici where it dials by itself, which we never let it: our streams are of
 * node:http (`src/kube/http.ts`). Saves 760 kB of code and 8 MB of memory.
 */
const undiciIsNotUsed: Plugin = {
  name: "undici-is-not-used",
  setup(bundler) {
    bundler.onResolve({ filter: /^undici$/ }, () => ({ path: "undici", namespace: "unused" }));
    bundler.onLoad({ filter: /.*/, namespace: "unused" }, () => ({
      contents: "export class Agent {} export class ProxyAgent {} export const fetch = undefined;",
    }));
  },
};

/**
 * The generated models of client-node are classes that nothing here uses. The package does not say
 * that importing them has no effect, so esbuild would keep them all.
 */
const clientNodeHasNoSideEffects: Plugin = {
  name: "client-node-has-no-side-effects",
  setup(bundler) {
    bundler.onResolve({ filter: /^\.|^@kubernetes\/client-node/ }, async (request) => {
      const { kind, importer, resolveDir } = request;
      const isPackage = request.path.startsWith("@kubernetes/") || importer.includes(packageFolder);
      if (request.pluginData === "resolved" || !isPackage) {
        return undefined;
      }
      const pluginData = "resolved";
      const answer = await bundler.resolve(request.path, {
        kind,
        importer,
        resolveDir,
        pluginData,
      });
      return { ...answer, sideEffects: false };
    });
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
  plugins: [...bundleOptions.plugins, undiciIsNotUsed, clientNodeHasNoSideEffects],
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
