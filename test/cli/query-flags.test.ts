import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFlags, UsageError } from "../../src/cli/flags.ts";
import type { Terminal } from "../../src/cli/io.ts";
import { queryFlags, readQueryOptions, splitArguments } from "../../src/cli/query-flags.ts";
import { screenOf } from "../../src/cli/screen.ts";

function read(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  terminal?: Terminal,
) {
  const { flags, words } = splitArguments(args);
  const io = {
    stdin: (async function* () {})(),
    environment,
    terminal,
    write: () => undefined,
    writeError: () => undefined,
  };
  return { ...readQueryOptions(parseFlags(queryFlags, flags, environment), io), words };
}

const terminal = { columns: 80, rows: 24 };

test("short names and words may stand anywhere", () => {
  for (const args of [
    ["-o", "json", "-n", "lb", "a/b"],
    ["a/b", "-ojson", "-n=lb"],
    ["--output=json", "a/b", "--namespace", "lb"],
  ]) {
    const { output, namespace, words } = read(args);
    assert.deepEqual([output, namespace, words], ["json", "lb", ["a/b"]]);
  }
  assert.equal(read(["-w"], {}, terminal).isWatched, true);
});

test("what is not understood is a usage error", () => {
  for (const args of [["-x"], ["-o"], ["-o", "xml"], ["--wide"], ["-w"]]) {
    assert.throws(() => read(args), UsageError, args.join(" "));
  }
  assert.throws(() => read(["-w", "-o", "yaml"], {}, terminal), UsageError);
});

test("colours are for terminals, and for those who want them", () => {
  const has = (environment: Record<string, string>, on?: Terminal, args: string[] = []) =>
    read(args, environment, on).hasColours;
  assert.equal(has({}), false);
  assert.equal(has({}, terminal), true);
  assert.equal(has({ NO_COLOR: "" }, terminal), true);
  assert.equal(has({ NO_COLOR: "1" }, terminal), false);
  assert.equal(has({ TERM: "dumb" }, terminal), false);
  assert.equal(has({}, terminal, ["-o", "json"]), false);
});

test("what is drawn again covers what was there, and never scrolls", () => {
  assert.equal(screenOf("a\nb\n", terminal), "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J");
  const long = Array.from({ length: 50 }, (_, index) => `line ${index}`).join("\n");
  const drawn = screenOf(long, { columns: 80, rows: 10 }).split("\n");
  assert.equal(drawn.length, 10);
  assert.match(drawn.at(-2) ?? "", /^\.\.\. and 42 more lines/);
});
