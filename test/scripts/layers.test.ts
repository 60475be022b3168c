import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, test } from "node:test";

/** A tree that breaks each layer's rule once: the linter must see every one of them. */
const folder = mkdtempSync(join(tmpdir(), "routelb-layers-"));
after(() => rmSync(folder, { recursive: true }));
copyFileSync(".oxlintrc.json", join(folder, ".oxlintrc.json"));
copyFileSync("tsconfig.json", join(folder, "tsconfig.json"));
symlinkSync(resolve("node_modules"), join(folder, "node_modules"));

const violations: readonly (readonly [file: string, line: string, rule: string])[] = [
  ["src/net/a.ts", 'export type { Config } from "../config/model.ts";', "no-restricted-imports"],
  ["src/net/b.ts", 'export { readFileSync } from "node:fs";', "no-restricted-imports"],
  ["src/bgp/codec/a.ts", 'export { connect } from "node:net";', "no-restricted-imports"],
  ["src/bgp/a.ts", 'export type { Session } from "./session/session.ts";', "no-restricted-imports"],
  ["src/bgp/session/a.ts", 'export { x } from "../../kube/x.ts";', "no-restricted-imports"],
  ["src/bfd/a.ts", 'export { x } from "../bgp/x.ts";', "no-restricted-imports"],
  ["src/config/a.ts", 'export { x } from "../cluster/x.ts";', "no-restricted-imports"],
  ["src/cluster/a.ts", 'export { x } from "../kube/x.ts";', "no-restricted-imports"],
  ["src/controller/a.ts", 'export { x } from "../kube/x.ts";', "no-restricted-imports"],
  ["src/controller/b.ts", 'export { x } from "../speaker/x.ts";', "no-restricted-imports"],
  ["src/controller/main.ts", 'export { x } from "../speaker/x.ts";', "no-restricted-imports"],
  ["src/speaker/a.ts", 'export { x } from "../runtime/x.ts";', "no-restricted-imports"],
  ["src/speaker/main.ts", 'export { x } from "../controller/x.ts";', "no-restricted-imports"],
  ["src/kube/a.ts", 'export { x } from "../speaker/x.ts";', "no-restricted-imports"],
  ["src/runtime/a.ts", 'export { x } from "../kube/x.ts";', "no-restricted-imports"],
  ["src/kube/b.ts", 'export { pino } from "pino";', "no-restricted-imports"],
  ["src/speaker/b.ts", 'export { parse } from "yaml";', "no-restricted-imports"],
  ["src/runtime/b.ts", 'export { IPv4 } from "ip-num";', "no-restricted-imports"],
  ["src/runtime/c.ts", 'export { x } from "../../lab/x.ts";', "no-restricted-imports"],
  ["src/config/b.ts", "export const x = Date.now();", "no-restricted-globals"],
  ["src/cluster/b.ts", "export const x = process.env;", "no-restricted-globals"],
  ["src/bgp/b.ts", "export const x = Math.random();", "no-restricted-properties"],
  ["lab/second-hop.ts", 'export { x } from "../src/speaker/x.ts";', "no-restricted-imports"],
  ["src/kube/c.ts", "export const x: any = 1;", "no-explicit-any"],
  ["src/kube/d.ts", "export function f(x?: string) { return x!; }", "no-non-null-assertion"],
  ["src/kube/e.ts", "console.log(1);\nexport {};", "no-console"],
  ["src/kube/snakeCase.ts", "export const x = 1;", "filename-case"],
  ["src/kube/f.ts", "export default 1;", "no-default-export"],
];

test("the linter holds every layer's rule", () => {
  for (const [file, line] of violations) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `${line}\n`);
  }
  const { stdout } = spawnSync(join(folder, "node_modules/.bin/oxlint"), ["--format=unix"], {
    cwd: folder,
    encoding: "utf8",
  });
  const missed = violations.filter(
    ([file, , rule]) =>
      !stdout.split("\n").some((row) => row.includes(`${file}:`) && row.includes(rule)),
  );
  assert.deepEqual(missed, [], stdout);
});
