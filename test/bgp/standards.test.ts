import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";

const standards = readFileSync("docs/standards.md", "utf8");
const sources = globSync("src/{bgp,bfd}/**/*.ts").map((file) => readFileSync(file, "utf8"));

/** A comment's text on one line. */
function flowed(source: string): string {
  return source.replaceAll(/\s*\n\s*(\*|\/\/)\s*/g, " ");
}

test("docs/standards.md lists every RFC that src/bgp and src/bfd cite", () => {
  const cited = new Set(sources.flatMap((source) => source.match(/RFC \d+/g) ?? []));
  const missing = [...cited].filter((rfc) => !standards.includes(rfc));
  assert.deepEqual(missing, []);
});

test("docs/standards.md lists every deviation that src/bgp admits", () => {
  const admitted = sources.flatMap((source) =>
    [...flowed(source).matchAll(/Deviation: (RFC \d+ §[\d.]+)/g)].map(
      ([, section = ""]) => section,
    ),
  );
  const listed = standards.slice(standards.indexOf("## Deviations"));
  const missing = admitted.filter((section) => !listed.includes(`- ${section} `));
  assert.ok(admitted.length >= 6);
  assert.deepEqual(missing, []);
});
