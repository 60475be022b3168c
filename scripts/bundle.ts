import { isBuiltin } from "node:module";
import type { BuildOptions, Plugin } from "esbuild";

/**
 * An `import` of a builtin module reads all that it exports, and some of that is made when it is read:
 * `import "node:http"` loads a whole WebSocket client. A `require` reads nothing.
 */
const builtinsAreRequired: Plugin = {
  name: "builtins-are-required",
  setup(bundler) {
    bundler.onResolve({ filter: /^[a-z:/_]+$/ }, ({ path, kind }) =>
      isBuiltin(path) && kind !== "require-call" ? { path, namespace: "builtin" } : undefined,
    );
    bundler.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/**
 * How a program of ours is bundled. Names stay as they are, although that makes the file longer: to
 * shorten them and then to give every function its own name back (`keepNames`) takes 10 MB of memory.
 */
export const bundleOptions = {
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  minifySyntax: true,
  minifyWhitespace: true,
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
  logLevel: "warning",
  plugins: [builtinsAreRequired],
} as const satisfies BuildOptions;
