import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "../../lab/command.ts";
import {
  Instance,
  InstanceTakenError,
  removeDeadInstances,
  stateRoot,
  stopInstance,
} from "../../lab/instance.ts";
import { instanceNamespaces, namespaceProcesses } from "../../lab/namespaces.ts";
import { waitFor } from "../../lab/wait.ts";

const program = fileURLToPath(new URL("programs/hold-instance.ts", import.meta.url));

/** Of this run alone: others may run on the same machine. */
function id(name: string): string {
  return `${name}${process.pid.toString(36)}`;
}

/** A process that holds an instance, seen to be complete. */
async function hold(instanceId: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, instanceId], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

async function leftovers(instanceId: string): Promise<readonly string[]> {
  const directory = `${stateRoot}/${instanceId}`;
  const isThere = await access(directory).then(
    () => true,
    () => false,
  );
  const processes = await run("ps", ["-eo", "args"]);
  const lines = processes.split("\n").filter((line) => line.includes(`${directory}/`));
  return [...(await instanceNamespaces(instanceId)), ...(isThere ? [directory] : []), ...lines];
}

test("closing an instance leaves no namespace, process or file", async () => {
  const child = await hold(id("closed"));
  assert.equal((await leftovers(id("closed"))).length > 2, true);
  assert.equal(await stopInstance(id("closed"), 20_000), true);
  if (child.exitCode === null) await once(child, "exit");
  assert.deepEqual(await leftovers(id("closed")), []);
});

test("a killed owner takes its processes along; the rest goes when the next instance opens", async () => {
  const child = await hold(id("killed"));
  child.kill("SIGKILL");
  await once(child, "exit");
  const [namespace = ""] = await instanceNamespaces(id("killed"));
  await waitFor(
    async () => ((await namespaceProcesses(namespace)).length === 0 ? true : undefined),
    { what: "no process of the killed owner runs on", timeoutMs: 10_000 },
  );
  assert.equal((await leftovers(id("killed"))).length > 0, true);
  await using instance = await Instance.open(id("next"));
  assert.equal(instance.id, id("next"));
  assert.deepEqual(await leftovers(id("killed")), []);
});

test("an instance whose owner lives is neither removed nor taken", async () => {
  const child = await hold(id("alive"));
  try {
    assert.equal((await removeDeadInstances()).includes(id("alive")), false);
    await assert.rejects(Instance.open(id("alive")), InstanceTakenError);
    const [namespace = ""] = await instanceNamespaces(id("alive"));
    assert.equal((await namespaceProcesses(namespace)).length > 0, true);
  } finally {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  assert.deepEqual(await leftovers(id("alive")), []);
});

test("two that open one id at once: one has it", async () => {
  const outcomes = await Promise.allSettled([
    Instance.open(id("twice")),
    Instance.open(id("twice")),
  ]);
  const [opened, second] = outcomes.filter((outcome) => outcome.status === "fulfilled");
  assert.equal(second, undefined);
  await opened?.value.close();
});

test("an id that could be part of another's names is refused", async () => {
  await assert.rejects(Instance.open("lab-2"), RangeError);
  await assert.rejects(Instance.open("../x"), RangeError);
});
