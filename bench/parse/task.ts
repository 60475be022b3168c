import type { ReducedSlice } from "../../src/cluster/endpoint.ts";
import type { KubeObject } from "../../src/kube/client.ts";

export const titles = {
  loop: "each slice parsed on the loop, as it arrives (RouteLB)",
  objects: "JSON.parse of a page in a worker, its objects cloned back",
  slices: "JSON.parse and reduction of a page in a worker",
  everything: "HTTP, JSON.parse and reduction in a worker",
} as const;

export type Way = keyof typeof titles;

export const allWays: readonly Way[] = ["loop", "objects", "slices", "everything"];

/** @throws RangeError if there is none of that name */
export function wayOf(name: string): Way {
  const found = allWays.find((way) => way === name);
  if (found === undefined) throw new RangeError(`not a way to read a list: ${name}`);
  return found;
}

/** What the worker is told when it starts. */
export interface WorkerTask {
  readonly way: Exclude<Way, "loop">;
  readonly kubeconfig: string;
}

/** A list's page, as the API server sends it. */
export interface Page {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly unknown[];
}

/** What the worker makes of a page, or of a part of the list; without `continueToken` the last. */
export interface Answer {
  readonly objects?: readonly KubeObject[];
  readonly slices?: readonly ReducedSlice[];
  readonly continueToken: string | undefined;
}

export interface Stall {
  readonly p99: number;
  readonly max: number;
}

/** What one reading of the list cost. */
export interface Reading {
  readonly slices: number;
  readonly wallMs: number;
  /** Of all threads. */
  readonly cpuMs: number;
  /** Of the event loop's thread. */
  readonly loopCpuMs: number;
  /** Between two turns of the event loop, in which a timer of 1 ms fires. */
  readonly stallMs: Stall;
  /** The same as the thread's time on a processor: it does not depend on what else runs. */
  readonly stallCpuMs: Stall;
  readonly peakRssMegabytes: number;
}
