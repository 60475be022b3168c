import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { attempt, run } from "../../lab/command.ts";
import { stateRoot } from "../../lab/instance.ts";
import { instanceNamespaces } from "../../lab/namespaces.ts";
import { HopelessError, waitFor } from "../../lab/wait.ts";

const program = fileURLToPath(new URL("../../lab/main.ts", import.meta.url));
const id = `mainlab${process.pid.toString(36)}`;

interface RunningLab {
  readonly process: ChildProcess;
  /** What it printed so far. */
  readonly printed: () => string;
  readonly exited: Promise<unknown>;
}

function startLab(...args: readonly string[]): RunningLab {
  const child = spawn(process.execPath, [program, "--id", id, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { process: child, printed: () => text, exited: once(child, "exit") };
}

async function printed(lab: RunningLab, pattern: RegExp): Promise<void> {
  await waitFor(
    () => {
      if (pattern.test(lab.printed())) return true;
      if (lab.process.exitCode !== null) throw new HopelessError(`it ended: ${lab.printed()}`);
      return undefined;
    },
    { what: `the lab prints ${pattern.source}`, timeoutMs: 90_000, intervalMs: 5 },
  );
}

async function leftovers(): Promise<readonly string[]> {
  const directory = `${stateRoot}/${id}`;
  const isThere = await access(directory).then(
    () => true,
    () => false,
  );
  return [
    ...(await instanceNamespaces(id)),
    ...(isThere ? [directory] : []),
    ...(await runningProcesses()),
  ];
}

async function runningProcesses(): Promise<readonly string[]> {
  const processes = (await run("ps", ["-eo", "args"])).split("\n");
  return processes.filter((line) => line.includes(`${stateRoot}/${id}/`));
}

const steps = [/network namespaces/, /API server on/, /kubelets, controller/, /BGP sessions/];

for (const step of steps) {
  test(`Ctrl-C while the lab starts (${step.source}) leaves nothing`, async () => {
    const lab = startLab("--no-tour");
    await printed(lab, step);
    lab.process.kill("SIGINT");
    await waitFor(() => (lab.process.exitCode === null ? undefined : true), {
      what: "the lab ends",
      timeoutMs: 60_000,
    });
    assert.equal(lab.process.exitCode, 130, lab.printed());
    assert.deepEqual(await leftovers(), []);
  });
}

test("down ends a lab that runs, and a second start of one id is refused meanwhile", async () => {
  const lab = startLab("--no-tour");
  await printed(lab, /The lab is up/);
  const second = await attempt(process.execPath, [program, "--id", id]);
  assert.match(second.text, /the lab "mainlab\w+" is already running \(process \d+\)/);
  await run(process.execPath, [program, "down", "--id", id], { timeoutMs: 60_000 });
  await lab.exited;
  assert.deepEqual(await leftovers(), []);
});

test("what a killed lab left is removed by down", async () => {
  const lab = startLab("--no-tour");
  await printed(lab, /The lab is up/);
  lab.process.kill("SIGKILL");
  await lab.exited;
  await waitFor(async () => ((await runningProcesses()).length === 0 ? true : undefined), {
    what: "no process of the killed lab runs on",
    timeoutMs: 10_000,
  });
  assert.notDeepEqual(await leftovers(), []);
  assert.match(
    await run(process.execPath, [program, "down"], { timeoutMs: 60_000 }),
    /removed what was left of: .*mainlab/,
  );
  assert.deepEqual(await leftovers(), []);
});

test("an option that nobody knows is refused with the usage", async () => {
  const { ok, text } = await attempt(process.execPath, [program, "--chekc"]);
  assert.equal(ok, false);
  assert.match(text, /ended with 2: Unknown option '--chekc'/);
  assert.match(text, /npm run lab -- \[--check \| down\]/);
});

test("a lab that makes no sense is refused in one sentence", async () => {
  const both = await attempt(process.execPath, [program, "--check", "--ipv6", "--dual-stack"]);
  assert.match(both.text, /ended with 2: --ipv6 is IPv6 alone, --dual-stack is both families/);
  const three = await attempt(process.execPath, [program, "--check", "--routers", "3"]);
  assert.match(three.text, /ended with 2: --routers is 1 or 2, not 3/);
});
