import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { runCommandLine } from "../../src/cli/command-line.ts";

/** Runs a command line without a process. */
async function run(args: readonly string[], environment: Record<string, string> = {}) {
  const written = { out: "", error: "" };
  const code = await runCommandLine(args, {
    stdin: (async function* () {})(),
    environment,
    write: (text) => {
      written.out += text;
    },
    writeError: (text) => {
      written.error += text;
    },
  });
  return { code, ...written };
}

describe("the command line", () => {
  test("without a command: the usage on stderr, exit 2", async () => {
    const { code, out, error } = await run([]);
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.match(error, /^usage: routelb COMMAND/);
  });

  test("an unknown command: its name and the usage on stderr, exit 2", async () => {
    for (const name of ["speker", "constructor", "--speaker"]) {
      const { code, out, error } = await run([name]);
      assert.equal(code, 2);
      assert.equal(out, "");
      assert.ok(error.startsWith(`routelb: unknown command ${name}\n\nusage: `));
    }
    assert.equal((await run(["help", "nothing"])).code, 2);
  });

  test("help lists every command on stdout, exit 0", async () => {
    for (const args of [["help"], ["--help"], ["-h"]]) {
      const { code, out, error } = await run(args);
      assert.equal(code, 0);
      assert.equal(error, "");
      for (const name of ["controller", "speaker", "lint", "decode", "version", "help"]) {
        assert.match(out, new RegExp(`^  ${name}`, "m"));
      }
    }
  });

  test("help of a command shows its flags", async () => {
    for (const args of [
      ["help", "speaker"],
      ["speaker", "--help"],
      ["speaker", "-h"],
    ]) {
      const { code, out } = await run(args);
      assert.equal(code, 0);
      assert.match(out, /^ {2}--node-name NAME/m);
      assert.match(out, /^ {2}--port PORT .*\[7472\]$/m);
      assert.match(out, /^ {2}--drain-time DURATION .*\[10s\]$/m);
    }
  });

  test("the controller has no flags of the speaker's", async () => {
    assert.match((await run(["help", "controller"])).out, /^ {2}--lease-duration DURATION/m);
    const { code, error } = await run(["controller", "--node-name", "x"]);
    assert.equal(code, 2);
    assert.match(error, /^routelb controller: unknown flag --node-name\n/);
  });

  test("version prints one line", async () => {
    const { code, out } = await run(["version"]);
    assert.equal(code, 0);
    assert.match(out, /^routelb \d+\.\d+\.\d+\n$/);
  });

  test("decode is a command, and a wrong digit is told with its usage", async () => {
    const keepalive = `${"ff".repeat(16)}001304`;
    assert.equal((await run(["decode", keepalive])).out.split("\n")[0], "KEEPALIVE, 19 octets");
    const wrong = await run(["decode", "xyz"]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.error, /^routelb decode: x is no hexadecimal digit\n\nusage: /);
  });

  test("a wrong flag: what is wrong and the command's usage on stderr, exit 2", async () => {
    const { code, out, error } = await run(["speaker", "--nodename", "x"]);
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.ok(
      error.startsWith("routelb speaker: unknown flag --nodename\n\nusage: routelb speaker"),
    );
  });

  test("the speaker needs to know its node", async () => {
    const { code, error } = await run(["speaker", "--port", "0"]);
    assert.equal(code, 2);
    assert.match(error, /^routelb speaker: --port: 0 is not a whole number/);
    const missing = await run(["speaker"]);
    assert.match(missing.error, /^routelb speaker: --node-name is required/);
  });
});

test("an older Node says so and exits with 2, instead of doing nothing", () => {
  const program = join(import.meta.dirname, "../../src/cli/main.ts");
  const older = `Object.defineProperty(process, "versions", { value: { node: "24.14.9" } });`;
  const args = [
    "--import",
    `data:text/javascript,${encodeURIComponent(older)}`,
    program,
    "version",
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(status, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /^routelb: needs Node >= 24\.15, and .* is v/);
});
