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

const program = fileURLToPath(new URL("programs/hold-instance.ts", import.meta.url));

/** A process that holds an instance, seen to be complete. */
async function hold(id: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, id], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

async function leftovers(id: string): Promise<readonly string[]> {
  const directory = `${stateRoot}/${id}`;
  const isThere = await access(directory).then(
    () => true,
    () => false,
  );
  const processes = await run("ps", ["-eo", "args"]);
  const lines = processes.split("\n").filter((line) => line.includes(`${directory}/`));
  return [...(await instanceNamespaces(id)), ...(isThere ? [directory] : []), ...lines];
}

test("closing an instance leaves no namespace, process or file", async () => {
  const child = await hold("heldclosed");
  assert.equal((await leftovers("heldclosed")).length > 2, true);
  assert.equal(await stopInstance("heldclosed", 20_000), true);
  if (child.exitCode === null) await once(child, "exit");
  assert.deepEqual(await leftovers("heldclosed"), []);
});

test("what a killed owner left is removed when the next instance opens", async () => {
  const child = await hold("heldkilled");
  child.kill("SIGKILL");
  await once(child, "exit");
  const [namespace = ""] = await instanceNamespaces("heldkilled");
  assert.equal((await namespaceProcesses(namespace)).length > 0, true);
  await using instance = await Instance.open("heldnext");
  assert.equal(instance.id, "heldnext");
  assert.deepEqual(await leftovers("heldkilled"), []);
});

test("an instance whose owner lives is neither removed nor taken", async () => {
  const child = await hold("heldalive");
  try {
    assert.equal((await removeDeadInstances()).includes("heldalive"), false);
    await assert.rejects(Instance.open("heldalive"), InstanceTakenError);
    const [namespace = ""] = await instanceNamespaces("heldalive");
    assert.equal((await namespaceProcesses(namespace)).length > 0, true);
  } finally {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  assert.deepEqual(await leftovers("heldalive"), []);
});

test("two that open one id at once: one has it", async () => {
  const outcomes = await Promise.allSettled([
    Instance.open("heldtwice"),
    Instance.open("heldtwice"),
  ]);
  const [opened, second] = outcomes.filter((outcome) => outcome.status === "fulfilled");
  assert.equal(second, undefined);
  await opened?.value.close();
});

test("an id that could be part of another's names is refused", async () => {
  await assert.rejects(Instance.open("lab-2"), RangeError);
  await assert.rejects(Instance.open("../x"), RangeError);
});
