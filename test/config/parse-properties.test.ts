import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ConfigFinding } from "../../src/config/model.ts";
import { formatFinding, parseConfig } from "../../src/config/parse.ts";
import { parseRange, rangesOverlap } from "../../src/net/range.ts";

const sample = `# all sections
peers:
- &first
  my-asn: 64522
  peer-asn: 64512
  peer-address: 172.16.9.1
  hold-time: 1m30s
  node-selectors: [{match-labels: {rack: a}, match-expressions: [{key: b, operator: In, values: [c]}]}]
- {<<: *first, peer-address: "fe80::1%eth0", password: 'it''s "quoted"', bfd-profile: fast}
address-pools:
- name: |
    my-ip-space
  protocol: bgp
  addresses: [172.16.7.192/26, 10.0.0.1-10.0.0.9]
  bgp-advertisements:
  - {aggregation-length: 26, communities: [mine, "64512:2"]}
bgp-communities: {mine: large:1:2:3}
bfd-profiles: [{name: fast, receive-interval: 300}]
`;

/** Pieces that mean something to YAML or to us, to be put anywhere. */
const piece = fc.oneof(
  fc.constantFrom(
    "\n",
    "  ",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "*first",
    "&a ",
    "!!int ",
    "#",
    "'",
    '"',
  ),
  fc.constantFrom("|", "<<: ", "---\n", "\t", "null", "0", "1.10", "\u0000", "__proto__: 1", "? "),
  fc.string({ unit: "binary", maxLength: 5 }),
);

const edit = fc.record({ at: fc.nat(sample.length), removed: fc.nat(30), inserted: piece });

const editedSample = fc
  .array(edit, { maxLength: 6 })
  .map((edits) =>
    edits.reduce(
      (text, { at, removed, inserted }) => text.slice(0, at) + inserted + text.slice(at + removed),
      sample,
    ),
  );

const anyText = fc.oneof(
  editedSample,
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join("")),
);

function assertReadable(finding: ConfigFinding, text: string): void {
  const lines = text.split("\n");
  assert.ok(finding.line >= 1 && finding.line <= lines.length, `line ${finding.line}`);
  const width = lines[finding.line - 1]?.length ?? 0;
  assert.ok(finding.column >= 1 && finding.column <= width + 2, `column ${finding.column}`);
  assert.match(finding.message, /^\P{Cc}+$/u);
  assert.match(finding.path, /^\P{Cc}*$/u);
}

test("any text at all is a configuration or has findings that an operator can read", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const parsed = parseConfig(text);
      const hasErrors = parsed.findings.some(({ severity }) => severity === "error");
      assert.equal(parsed.ok, !hasErrors);
      for (const finding of parsed.findings) {
        assertReadable(finding, text);
      }
    }),
    { numRuns: 600 },
  );
});

test("a formatted finding can be read back", () => {
  const form = /^config:(\d+):(\d+): (warning: )?(?:((?:[\w-]|\.|\[\d+\]|\["[^"]*"\])+): )?(.*)$/;
  fc.assert(
    fc.property(editedSample, (text) => {
      for (const finding of parseConfig(text).findings) {
        const [, line, column, mark, path = "", message] = form.exec(formatFinding(finding)) ?? [];
        assert.deepEqual(
          {
            severity: mark === undefined ? "error" : "warning",
            line: Number(line),
            column: Number(column),
            path,
            message,
          },
          finding,
        );
      }
    }),
    { numRuns: 300 },
  );
});

test("a text of nothing but brackets, or of aliases of aliases, is refused in time", () => {
  assert.equal(parseConfig("[".repeat(50_000)).ok, false);
  const levels = ["a: &a0 [1, 1]"];
  for (let level = 1; level < 60; level += 1) {
    levels.push(`a${level}: &a${level} [*a${level - 1}, *a${level - 1}]`);
  }
  assert.equal(parseConfig(levels.join("\n")).ok, false);
});

const secret = "tOp-s3cret";

test("whatever stands around a password, no finding shows it", () => {
  const quotes = fc.constantFrom(
    "",
    '"',
    "'",
    "&a ",
    "*",
    "!",
    "@",
    "[",
    "{",
    "- ",
    "|\n    ",
    "!!int ",
  );
  const line = fc.constantFrom(
    "  hold-time: 1",
    "  router-id: *a",
    "  password: again",
    "  pasword: again",
    "- {}",
    "- 1",
    "x",
    "address-pools: *a",
    "  node-selectors: [*a, {match-labels: *a}]",
  );
  const around = fc.array(line, { maxLength: 3 }).map((lines) => lines.join("\n"));
  fc.assert(
    fc.property(quotes, piece, around, (quote, tail, after) => {
      const text = `peers:\n- my-asn: 1\n  password: ${quote}${secret}${tail}\n${after}\n`;
      for (const finding of parseConfig(text).findings) {
        assert.equal(formatFinding(finding).includes(secret), false, formatFinding(finding));
      }
    }),
    { numRuns: 500 },
  );
});

test("overlaps are found exactly when two ranges overlap", () => {
  const range = fc
    .tuple(fc.constantFrom("10.0.0.", "2001:db8::"), fc.nat(60), fc.nat(8))
    .map(([start, first, size]) => `${start}${first}-${start}${first + size}`);
  const pools = fc.array(fc.array(range, { minLength: 1, maxLength: 4 }), { maxLength: 3 });
  fc.assert(
    fc.property(pools, (lists) => {
      const text = lists.map(
        (list, index) =>
          `- {name: p${index}, protocol: bgp, addresses: ["${list.join('", "')}"]}\n`,
      );
      const ranges = lists.flat().flatMap((written) => parseRange(written) ?? []);
      const doOverlap = ranges.some((a, index) =>
        ranges.slice(index + 1).some((b) => rangesOverlap(a, b)),
      );
      assert.equal(parseConfig(`address-pools:\n${text.join("")}`).ok, !doOverlap);
    }),
  );
});
