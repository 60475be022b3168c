import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Milliseconds since the Unix epoch at which `probe` first held; undefined: not within the limit. */
export async function whenTrue(
  probe: () => Promise<boolean>,
  limitMs: number,
  intervalMs = 1,
): Promise<number | undefined> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    if (await probe()) {
      return Date.now();
    }
    await delay(intervalMs);
  }
  return undefined;
}

/** Routes in the main table of the kernel of a process's network namespace. */
export async function kernelPrefixes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/net/fib_triestat`, "utf8");
  const count = /Prefixes:\s+(\d+)/.exec(text)?.[1];
  if (count === undefined) {
    throw new Error("fib_triestat says no number of prefixes");
  }
  return Number(count);
}

/** Time that all threads of the processes have spent on a processor. */
export async function cpuMs(pids: readonly number[]): Promise<number> {
  let nanoseconds = 0;
  for (const pid of pids) {
    for (const thread of await readdir(`/proc/${pid}/task`)) {
      const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "");
      nanoseconds += Number(text.split(" ")[0]);
    }
  }
  return nanoseconds / 1e6;
}

/** The most memory that the processes have had, each by itself. */
export async function peakRssMegabytes(pids: readonly number[]): Promise<number> {
  let kilobytes = 0;
  for (const pid of pids) {
    const text = await readFile(`/proc/${pid}/status`, "utf8");
    kilobytes += Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? 0);
  }
  return kilobytes / 1000;
}
