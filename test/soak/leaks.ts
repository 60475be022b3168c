import { readdir, readFile } from "node:fs/promises";
import type { LabDaemon } from "../../lab/daemons.ts";
import { runIn } from "../../lab/namespaces.ts";

const port = 7472;

/** What a process holds, apart from memory. */
export interface Holdings {
  readonly descriptors: number;
  readonly timers: number;
}

/** @throws Error if the process has ended */
export async function holdingsOf({ pid, namespace, role, node }: LabDaemon): Promise<Holdings> {
  const metrics = await runIn(namespace, "curl", ["-sf", `http://127.0.0.1:${port}/metrics`]);
  const timers = /^process_pending_timers (\d+)$/m.exec(metrics)?.[1];
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => undefined);
  if (descriptors === undefined || timers === undefined) {
    throw new Error(`the ${role} on ${node} has ended, or tells of no timers`);
  }
  return { descriptors: descriptors.length, timers: Number(timers) };
}

/** Resident memory in megabytes; undefined: the process has ended. */
export async function rssMegabytes({ pid }: LabDaemon): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kilobytes = /VmRSS:\s+(\d+)/.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1_024;
}

export interface Sample {
  readonly seconds: number;
  readonly megabytes: number;
}

/** Megabytes an hour, by least squares over the samples; 0 of fewer than two. */
export function slopePerHour(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanSeconds = mean(samples.map(({ seconds }) => seconds));
  const meanMegabytes = mean(samples.map(({ megabytes }) => megabytes));
  let above = 0;
  let below = 0;
  for (const { seconds, megabytes } of samples) {
    above += (seconds - meanSeconds) * (megabytes - meanMegabytes);
    below += (seconds - meanSeconds) ** 2;
  }
  return below > 0 ? (above / below) * 3_600 : 0;
}

/**
 * How much memory grew from the second quarter of the run to the last: medians, in megabytes. The
 * first quarter is left out, in which code is compiled and heaps find their size.
 */
export function growth(samples: readonly Sample[]): number {
  const quarter = Math.floor(samples.length / 4);
  const median = (part: readonly Sample[]) =>
    part.map(({ megabytes }) => megabytes).toSorted((a, b) => a - b)[part.length >> 1] ?? 0;
  return median(samples.slice(-quarter)) - median(samples.slice(quarter, 2 * quarter));
}
