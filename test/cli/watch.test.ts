import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { waitFor } from "../../lab/wait.ts";
import { screenOf } from "../../src/cli/screen.ts";
import { Screen } from "../support/screen.ts";
import { applyService, startCluster } from "./running-cluster.ts";

const program = join(import.meta.dirname, "../../src/cli/main.ts");

interface Shown {
  readonly screen: Screen;
  /** Types into the terminal. */
  readonly type: (text: string) => void;
  /** Resolves with the exit code of `script`, which is that of the program. */
  readonly ended: Promise<number | null>;
}

/** Runs `routelb ARGS` in a terminal of its own (`script` of util-linux), as a user has it. */
function inTerminal(
  t: TestContext,
  args: readonly string[],
  { columns, rows }: { readonly columns: number; readonly rows: number },
  environment: Readonly<Record<string, string>> = {},
): Shown {
  const command = [process.execPath, program, ...args].map((word) => `'${word}'`).join(" ");
  const sized = `stty cols ${columns} rows ${rows} && exec ${command}`;
  const { NO_COLOR: _, ...inherited } = process.env;
  const child = spawn("script", ["--quiet", "--return", "--command", sized, "/dev/null"], {
    env: { ...inherited, TERM: "xterm", SHELL: "/bin/sh", ...environment },
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  // A key that comes after the end is nobody's.
  child.stdin.on("error", () => undefined);
  const screen = new Screen(columns, rows);
  child.stdout.setEncoding("utf8").on("data", (text: string) => screen.write(text));
  const ended = once(child, "exit").then(([code]) => code as number | null);
  return { screen, type: (text) => child.stdin.write(text), ended };
}

test("status --watch in a terminal: redrawn in place, in colours, until Ctrl-C", async (t) => {
  const { server, kubeconfigPath } = await startCluster(t);
  const size = { columns: 60, rows: 18 };
  const flags = ["status", "--watch", "--kubeconfig", kubeconfigPath];
  const { screen, type, ended } = inTerminal(t, flags, size);
  const sees = (what: string, pattern: RegExp) =>
    waitFor(() => pattern.test(screen.text) || undefined, { what, timeoutMs: 60_000 });
  await sees("two sessions that are up", /^BGP sessions: 2 of 2 up$/m);
  await sees("no address used", /^my-ip-space {2}ipv4 {4}0/m);
  applyService(server, "nginx", { clusterIPs: ["10.96.0.1"], ipFamilies: ["IPv4"] });
  await sees("one address used", /^my-ip-space {2}ipv4 {4}1/m);
  assert.equal(screen.text.match(/BGP sessions/g)?.length, 1, "one picture, not one below another");
  assert.equal(screen.scrolled, 0, "nothing is pushed out at the top");
  assert.ok(screen.frames >= 2);
  assert.ok(screen.colours > 0);
  for (const line of screen.text.split("\n")) {
    assert.ok(line.length < size.columns, line);
  }
  // As often as a person would: `script` has been seen to lose a key.
  const insisting = setInterval(() => type("\x03"), 500);
  await ended;
  clearInterval(insisting);
});

test("NO_COLOR and a dumb terminal: no colours; without --watch, one picture", async (t) => {
  const { kubeconfigPath } = await startCluster(t);
  const flags = ["status", "--kubeconfig", kubeconfigPath];
  const size = { columns: 200, rows: 40 };
  for (const environment of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
    const { screen, ended } = inTerminal(t, flags, size, environment);
    assert.equal(await ended, 1, "node3 does not answer");
    assert.equal(screen.colours, 0, JSON.stringify(environment));
    assert.match(screen.text, /^BGP sessions: /m);
  }
  const { screen, ended } = inTerminal(t, flags, size);
  await ended;
  assert.ok(screen.colours > 0, "a terminal has colours");
});

test("a line that is too long is cut, with its colour ended; too many lines are counted", () => {
  const screen = new Screen(10, 4);
  const coloured = screenOf("\x1b[32mabcdefghijklm\x1b[0m\nshort", { columns: 10, rows: 4 });
  screen.write(coloured.replaceAll("\n", "\r\n"));
  assert.equal(screen.text, "abcdefghi\nshort");
  assert.equal(screen.colours, 2);
  screen.write(screenOf("1\n2\n3\n4\n5", { columns: 10, rows: 4 }).replaceAll("\n", "\r\n"));
  assert.match(screen.text, /^1\n2\n\.\.\. and 3/);
});
