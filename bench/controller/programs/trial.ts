/**
 * One subject against one API server, from the namespace in which both are:
 *
 *     node trial.ts --subject routelb --kubeconfig FILE --program FILE --folder DIR --count 10000
 *
 * Each line on standard output is a Figure as JSON.
 */
import { parseArgs } from "node:util";
import { readKubeconfig } from "../../../lab/kubeconfig.ts";
import { median } from "../../bgp/measure.ts";
import { BareClient } from "../bare-client.ts";
import type { Figure } from "../report.ts";
import {
  AddressWatch,
  bodyOf,
  createServices,
  pathOf,
  removeServices,
  type ServiceSet,
  writeStatuses,
} from "../services.ts";
import { type Cost, RunningSubject, subjects } from "../subject.ts";

const { values } = parseArgs({
  options: {
    subject: { type: "string", default: "routelb" },
    kubeconfig: { type: "string", default: "" },
    program: { type: "string", default: "" },
    folder: { type: "string", default: "" },
    count: { type: "string", default: "10000" },
    singles: { type: "string", default: "20" },
  },
});
const subject = subjects[values.subject === "metallb" ? "metallb" : "routelb"];
const { kubeconfig, program, folder } = values;
const paths = { kubeconfig, program, folder };
const count = Number(values.count);
const touched = Math.ceil(count / 10);
const singles = Number(values.singles);

const many: ServiceSet = { namespace: "bench", prefix: "many", count };
const again: ServiceSet = { namespace: "bench", prefix: "again", count };
const single: ServiceSet = { namespace: "bench", prefix: "single", count: 1 };
const late: ServiceSet = {
  namespace: "bench",
  prefix: "late",
  count: touched,
  // Both subjects know this prefix.
  annotations: { "metallb.universe.tf/address-pool": "late" },
};

const client = new BareClient(await readKubeconfig(kubeconfig), 64);

function report(figure: Figure): void {
  console.log(JSON.stringify(figure));
}

function reportCost(phase: string, { longestStallMs, ...cost }: Cost): void {
  report({ phase, name: "peak RSS MB", value: cost.peakRssMegabytes });
  report({ phase, name: "CPU ms", value: cost.cpuMs });
  if (longestStallMs !== undefined) {
    report({ phase, name: "longest stall ms", value: longestStallMs });
  }
}

function create(path: string, body: object): Promise<void> {
  return client.send({ method: "POST", path, body: JSON.stringify(body) });
}

async function createNamespace(name: string): Promise<void> {
  await create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
}

function configMap(latePool: string | undefined): object {
  const pool = (name: string, range: string, more = "") =>
    `- {name: ${name}, protocol: bgp, addresses: [${range}]${more}}`;
  const pools = [
    pool("wide", "10.0.0.0/16"),
    ...(latePool === undefined ? [] : [pool("late", latePool, ", auto-assign: false")]),
  ];
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: "config",
      namespace: subject.namespace,
      annotations: { "routelb.io/allow-renumbering": "true" },
    },
    data: { config: ["address-pools:", ...pools, ""].join("\n") },
  };
}

async function setLatePool(range: string): Promise<void> {
  const path = `/api/v1/namespaces/${subject.namespace}/configmaps/config`;
  await client.send({ method: "PATCH", path, body: JSON.stringify(configMap(range)) });
}

/** The limit: as many statuses, written by a client that does nothing else, and emptied again. */
async function measureLimit(): Promise<void> {
  const createMs = await createServices(client, many);
  report({ phase: "limit", name: "created per s", value: rate(count, createMs) });
  for (const [writesAtOnce, isFilled] of [
    [16, true],
    [64, false],
  ] as const) {
    const ms = await writeStatuses(client, many, writesAtOnce, isFilled);
    const name = `written per s, ${writesAtOnce} at once`;
    report({ phase: "limit", name, value: rate(count, ms) });
  }
}

/** They are there when the controller starts: it does nothing but give addresses. */
async function measureBacklog(watch: AddressWatch): Promise<RunningSubject> {
  const startMs = performance.now();
  const running = await RunningSubject.start(subject, paths);
  const { firstMs, lastMs } = await watch.untilAll(many);
  report({ phase: "backlog", name: "first address after ms", value: firstMs - startMs });
  report({ phase: "backlog", name: "addresses per s", value: rate(count, lastMs - firstMs) });
  reportCost("backlog", await running.take());
  return running;
}

async function measureSingles(watch: AddressWatch, running: RunningSubject): Promise<void> {
  const path = `/api/v1/namespaces/${single.namespace}/services`;
  const times: number[] = [];
  for (let round = 0; round < singles; round += 1) {
    const startMs = performance.now();
    await client.send({ method: "POST", path, body: bodyOf(single, 0) });
    times.push((await watch.untilAll(single)).lastMs - startMs);
    await client.send({ method: "DELETE", path: pathOf(single, 0) });
  }
  report({ phase: "one more", name: "median ms", value: median(times) });
  report({ phase: "one more", name: "slowest ms", value: Math.max(...times) });
  reportCost("one more", await running.take());
}

async function measureRestart(
  watch: AddressWatch,
  before: RunningSubject,
): Promise<RunningSubject> {
  await before.stop();
  const { events } = watch;
  const startMs = performance.now();
  const running = await RunningSubject.start(subject, paths);
  const doneMs = await running.untilInUse(count);
  report({ phase: "restart", name: "ms", value: doneMs - startMs });
  reportCost("restart", await running.take());
  report({ phase: "restart", name: "Services written", value: watch.events - events });
  return running;
}

async function measurePools(watch: AddressWatch, running: RunningSubject): Promise<void> {
  await createServices(client, late);
  await running.take();
  let startMs = performance.now();
  await setLatePool("10.1.0.0/20");
  report({
    phase: "pool added",
    name: "ms to the last address",
    value: (await watch.untilAll(late)).lastMs - startMs,
  });
  reportCost("pool added", await running.take());
  if (subject.renumbers) {
    startMs = performance.now();
    await setLatePool("10.2.0.0/20");
    const { lastMs } = await watch.untilAll(late, (address) => address.startsWith("10.2."));
    report({ phase: "pool moved", name: "ms to the last address", value: lastMs - startMs });
    reportCost("pool moved", await running.take());
  }
}

/** Created as fast as the API server takes them, with the controller at work. */
async function measureBurst(watch: AddressWatch, running: RunningSubject): Promise<void> {
  await removeServices(client, late);
  await removeServices(client, many);
  reportCost("all removed", await running.take());
  const startMs = performance.now();
  const created = createServices(client, again);
  const { lastMs } = await watch.untilAll(again);
  const createMs = await created;
  report({ phase: "burst", name: "created per s", value: rate(count, createMs) });
  report({ phase: "burst", name: "addresses per s", value: rate(count, lastMs - startMs) });
  report({
    phase: "burst",
    name: "last address after the last create, ms",
    value: lastMs - startMs - createMs,
  });
  reportCost("burst", await running.take());
}

function rate(done: number, ms: number): number {
  return (done / ms) * 1_000;
}

for (const name of [many.namespace, subject.namespace]) {
  await createNamespace(name);
}
await create(`/api/v1/namespaces/${subject.namespace}/configmaps`, configMap(undefined));
await measureLimit();
{
  await using watch = AddressWatch.start(client, many.namespace);
  const first = await measureBacklog(watch);
  await measureSingles(watch, first);
  await using second = await measureRestart(watch, first);
  await measurePools(watch, second);
  await measureBurst(watch, second);
}
client[Symbol.dispose]();
