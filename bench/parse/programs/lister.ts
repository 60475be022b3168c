/**
 * Reads a list of EndpointSlices once, in one of several ways, and writes what it cost as JSON.
 *
 *     node lister.ts WAY KUBECONFIG
 */
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { ReducedSlice } from "../../../src/cluster/endpoint.ts";
import { Credentials } from "../../../src/kube/credentials.ts";
import { send } from "../../../src/kube/http.ts";
import { bodyOf } from "../../../src/kube/http-body.ts";
import { collectionPath, resources } from "../../../src/kube/resource.ts";
import { systemClock as clock } from "../../../src/runtime/clock.ts";
import { keepHeapSmall } from "../../../src/runtime/heap.ts";
import { quantile } from "../../scale/wire.ts";
import { connect, pageLimit, readPages, reduced } from "../slices.ts";
import { type Answer, type Reading, type Stall, type WorkerTask, wayOf } from "../task.ts";

const silenceLimitMs = 30_000;
/** So that starting up is no stall. */
const settleMs = 500;

keepHeapSmall();
const [name = "", kubeconfig = ""] = process.argv.slice(2);
const way = wayOf(name);
const kept = new Map<string, ReducedSlice>();
const keep = (slices: readonly ReducedSlice[]): void => {
  for (const slice of slices) kept.set(slice.key, slice);
};

/** Resolves when it has loaded its program: a speaker would start it early. */
async function startWorker(task: WorkerTask): Promise<Worker> {
  const worker = new Worker(new URL("worker.ts", import.meta.url), { workerData: task });
  await once(worker, "message");
  return worker;
}

function readWith(
  worker: Worker,
  pages: (continueToken?: string) => Promise<Uint8Array<ArrayBuffer>>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = async (continueToken?: string): Promise<void> => {
      const octets = await pages(continueToken);
      worker.postMessage(octets, [octets.buffer]);
    };
    worker.on("message", ({ objects = [], slices = [], continueToken }: Answer) => {
      keep(objects.map(reduced));
      keep(slices);
      if (continueToken === undefined) resolve();
      else if (way !== "everything") next(continueToken).catch(reject);
    });
    next().catch(reject);
  });
}

const credentials = new Credentials(kubeconfig, clock);

async function pageOf(continueToken?: string): Promise<Uint8Array<ArrayBuffer>> {
  const path = collectionPath(resources.endpointSlices, undefined);
  const query = { limit: String(pageLimit), continue: continueToken };
  const request = { method: "GET", path, query, takesGzip: true } as const;
  const response = await send(request, { credentials, clock, userAgent: "bench" });
  const chunks: Uint8Array[] = [];
  for await (const chunk of bodyOf(request, response, silenceLimitMs, clock)) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

/** Of the event loop's thread alone. */
function now() {
  const { user, system } = process.threadCpuUsage();
  return { wallMs: performance.now(), cpuMs: (user + system) / 1_000 };
}

function stall(values: readonly number[]): Stall {
  return { p99: quantile(values, 0.99), max: quantile(values, 1) };
}

// Lists of before have warmed up what reads them.
const api = connect(kubeconfig);
await api.list(resources.endpointSlices, { limit: pageLimit }, reduced);
const worker = way === "loop" ? undefined : await startWorker({ way, kubeconfig });
await delay(settleMs);
const turns: { readonly wallMs: number; readonly cpuMs: number }[] = [];
let last = now();
setInterval(() => {
  const present = now();
  turns.push({ wallMs: present.wallMs - last.wallMs, cpuMs: present.cpuMs - last.cpuMs });
  last = present;
}, 1);
const [cpuBefore, beganMs] = [process.cpuUsage(), performance.now()];
if (worker === undefined) await readPages(api, keep);
else await readWith(worker, way === "everything" ? async () => new Uint8Array(0) : pageOf);
const cpu = process.cpuUsage(cpuBefore);
const reading: Reading = {
  slices: kept.size,
  wallMs: performance.now() - beganMs,
  cpuMs: (cpu.user + cpu.system) / 1_000,
  loopCpuMs: turns.reduce((sum, turn) => sum + turn.cpuMs, 0),
  stallMs: stall(turns.map(({ wallMs }) => wallMs)),
  stallCpuMs: stall(turns.map(({ cpuMs }) => cpuMs)),
  peakRssMegabytes: process.resourceUsage().maxRSS / 1_024,
};
console.log(JSON.stringify(reading));
process.exit();
