import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { numberAt, parseJson, textAt } from "./kube/json.ts";
import { exclusively } from "./mutex.ts";
import { deleteNamespaces, instanceNamespaces, namespaceName, sendSignal } from "./namespaces.ts";
import { pause } from "./wait.ts";

/** State of running labs: one directory per instance. Nothing of a lab lies elsewhere. */
export const stateRoot = "/run/routelb";

const recordName = "owner.json";

/** Who holds an instance. A process id alone may come again; with its start time it does not. */
export interface Owner {
  readonly id: string;
  readonly pid: number;
  /** Clock ticks between boot and the start of the process (field 22 of /proc/PID/stat). */
  readonly startTicks: number;
}

/**
 * One lab, or one suite's topology: an id, a directory, and all network namespaces named after it.
 *
 * Closing removes every process in those namespaces, the namespaces and the directory. What a crash
 * left is removed by the next `open` of any id; instances whose owner lives are left alone.
 */
export class Instance implements AsyncDisposable {
  readonly id: string;
  /** Private to this instance, readable by all users (FRR's among them). */
  readonly directory: string;

  private constructor(id: string) {
    this.id = id;
    this.directory = join(stateRoot, id);
  }

  /**
   * Takes `id` (see `isInstanceId`) for this process.
   *
   * @throws InstanceTakenError if a living process has it
   */
  static async open(id: string): Promise<Instance> {
    if (!isInstanceId(id)) throw new RangeError(`not an instance id: ${id}`);
    const startTicks = await startTicksOf(process.pid);
    if (startTicks === undefined) throw new Error("/proc says nothing about this process");
    return exclusively("instances", async () => {
      await removeDead();
      const instance = new Instance(id);
      const holder = await readOwner(id);
      if (holder !== undefined) throw new InstanceTakenError(holder);
      await mkdir(stateRoot, { recursive: true, mode: 0o755 });
      // The record appears together with the directory: no reader sees one without the other.
      const draft = join(stateRoot, `.${id}.${process.pid}`);
      await mkdir(draft, { mode: 0o755 });
      const owner: Owner = { id, pid: process.pid, startTicks };
      await writeFile(join(draft, recordName), JSON.stringify(owner));
      await rename(draft, instance.directory);
      return instance;
    });
  }

  /** The full name of this instance's namespace `name`. */
  namespace(name: string): string {
    return namespaceName(this.id, name);
  }

  /** A file in the state directory. */
  path(...names: readonly string[]): string {
    return join(this.directory, ...names);
  }

  async close(): Promise<void> {
    await exclusively("instances", () => removeInstance(this.id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Lower-case letters and digits, at most 16. */
export function isInstanceId(id: string): boolean {
  return /^[a-z0-9]{1,16}$/.test(id);
}

export class InstanceTakenError extends Error {
  readonly owner: Owner;

  constructor(owner: Owner) {
    super(`the lab "${owner.id}" is already running (process ${owner.pid})`);
    this.name = "InstanceTakenError";
    this.owner = owner;
  }
}

/** Removes what crashed instances left; resolves with their ids. */
export async function removeDeadInstances(): Promise<readonly string[]> {
  return exclusively("instances", removeDead);
}

/** The living owner of `id`, if there is one. */
export async function livingOwner(id: string): Promise<Owner | undefined> {
  const owner = await readOwner(id);
  return owner !== undefined && (await isAlive(owner)) ? owner : undefined;
}

/**
 * Asks the owner of `id` to end, as Ctrl-C would, and kills it if it has not after `graceMs`; what
 * it leaves then is for `removeDeadInstances`. False: nobody owned it.
 */
export async function stopInstance(id: string, graceMs: number): Promise<boolean> {
  const owner = await livingOwner(id);
  if (owner === undefined) return false;
  process.kill(owner.pid, "SIGTERM");
  const deadline = performance.now() + graceMs;
  while (await isAlive(owner)) {
    if (performance.now() > deadline) sendSignal(owner.pid, "SIGKILL");
    await pause(50);
  }
  return true;
}

async function removeDead(): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await entries(stateRoot)) {
    if (name.startsWith(".")) {
      // A draft: its process died between mkdir and rename, for both happen under the lock.
      await rm(join(stateRoot, name), { recursive: true, force: true });
      continue;
    }
    const owner = await readOwner(name);
    if (owner !== undefined && (await isAlive(owner))) continue;
    await removeInstance(name);
    removed.push(name);
  }
  return removed;
}

async function removeInstance(id: string): Promise<void> {
  // A kubelet may have been at work on one more while the others went.
  for (;;) {
    const namespaces = await instanceNamespaces(id);
    if (namespaces.length === 0) break;
    await deleteNamespaces(namespaces);
  }
  // A tour that was interrupted may be writing one more file.
  await rm(join(stateRoot, id), { recursive: true, force: true, maxRetries: 20 });
  await rmdir(stateRoot).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY" && error.code !== "ENOENT") throw error;
  });
}

async function entries(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

async function readOwner(id: string): Promise<Owner | undefined> {
  let text: string;
  try {
    text = await readFile(join(stateRoot, id, recordName), "utf8");
  } catch {
    return undefined;
  }
  const record = parseJson(text);
  const pid = numberAt(record, "pid");
  const startTicks = numberAt(record, "startTicks");
  if (textAt(record, "id") !== id || pid === undefined || startTicks === undefined) {
    return undefined;
  }
  return { id, pid, startTicks };
}

async function isAlive(owner: Owner): Promise<boolean> {
  return (await startTicksOf(owner.pid)) === owner.startTicks;
}

async function startTicksOf(pid: number): Promise<number | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The command's name stands in parentheses and may hold spaces; a zombie ('Z') has ended.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? undefined : Number(fields[19]);
}
