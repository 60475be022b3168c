/**
 * One subject against one API server, from the namespace in which both are:
 *
 *     node trial.ts --subject routelb --kubeconfig FILE --program FILE --folder DIR --count 10000
 *
 * Each line on standard output is a Figure as JSON.
 *
 * A phase ends when its limit is over, whatever was reached by then. The addresses that are missing
 * after the backlog are written by the bench itself, so that what follows is measured at full size.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { readKubeconfig } from "../../../lab/kubeconfig.ts";
import { median } from "../../bgp/measure.ts";
import { BareClient } from "../bare-client.ts";
import type { Figure } from "../report.ts";
import {
  AddressWatch,
  bodyOf,
  createServices,
  fillStatuses,
  pathOf,
  type Reached,
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
    limit: { type: "string", default: "120" },
  },
});
const subject = subjects[values.subject === "metallb" ? "metallb" : "routelb"];
const { kubeconfig, program, folder } = values;
const paths = { kubeconfig, program, folder };
const count = Number(values.count);
const touched = Math.ceil(count / 10);
const singles = Number(values.singles);
const limitMs = Number(values.limit) * 1_000;

const many: ServiceSet = { namespace: "bench", prefix: "many", count };
const again: ServiceSet = { namespace: "bench", prefix: "again", count };
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

function reportCost(phase: string, { longestStallMs, longestTurnMs, ...cost }: Cost): void {
  report({ phase, name: "peak RSS MB", value: cost.peakRssMegabytes });
  report({ phase, name: "CPU ms", value: cost.cpuMs });
  if (longestStallMs !== undefined) {
    report({ phase, name: "longest stall ms", value: longestStallMs });
  }
  if (longestTurnMs !== undefined) {
    report({ phase, name: "longest turn ms", value: longestTurnMs });
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

/** What is reported of a phase whose limit was over before it was done, by whoever measures it. */
function reportReached(phase: string, wanted: number, { count: reached, isWhole }: Reached): void {
  if (!isWhole) {
    report({ phase, name: `cut: had an address, of ${wanted}`, value: reached });
  }
}

/** They are there when the controller starts: it does nothing but give addresses. */
async function measureBacklog(watch: AddressWatch): Promise<void> {
  const startMs = performance.now();
  await using running = await RunningSubject.start(subject, paths);
  const reached = await watch.untilAll(many, AbortSignal.timeout(limitMs));
  const endMs = reached.isWhole ? reached.lastMs : performance.now();
  const { firstMs = endMs } = reached;
  if (reached.count > 0) {
    report({ phase: "backlog", name: "first address after ms", value: firstMs - startMs });
  }
  const perSecond = reached.count === 0 ? 0 : rate(reached.count, endMs - firstMs);
  report({ phase: "backlog", name: "addresses per s", value: perSecond });
  reportReached("backlog", count, reached);
  reportCost("backlog", await running.take());
}

/** Where the backlog was cut, the rest of the addresses is the bench's own. */
async function measureRestart(watch: AddressWatch): Promise<RunningSubject> {
  const before = watch.addresses(many);
  if (before.missing.length > 0) {
    await fillStatuses(client, many, before);
    await watch.untilAll(many, AbortSignal.timeout(limitMs));
    const name = "addresses written by the bench before";
    report({ phase: "restart", name, value: before.missing.length });
  }
  const { events } = watch;
  const startMs = performance.now();
  const running = await RunningSubject.start(subject, paths);
  const inUse = await running.untilInUse(count, AbortSignal.timeout(limitMs));
  report({ phase: "restart", name: "ms", value: performance.now() - startMs });
  if (inUse < count) {
    report({ phase: "restart", name: `cut: taken up, of ${count}`, value: inUse });
  }
  reportCost("restart", await running.take());
  report({ phase: "restart", name: "Services written", value: watch.events - events });
  return running;
}

async function measureSingles(watch: AddressWatch, running: RunningSubject): Promise<void> {
  const path = "/api/v1/namespaces/bench/services";
  const limit = AbortSignal.timeout(limitMs);
  const times: number[] = [];
  for (let round = 0; round < singles && !limit.aborted; round += 1) {
    const single = { namespace: "bench", prefix: `single-${round}`, count: 1 };
    const startMs = performance.now();
    await client.send({ method: "POST", path, body: bodyOf(single, 0) });
    const { lastMs, isWhole } = await watch.untilAll(single, limit);
    if (isWhole) times.push(lastMs - startMs);
    await client.send({ method: "DELETE", path: pathOf(single, 0) });
  }
  if (times.length > 0) {
    report({ phase: "one more", name: "median ms", value: median(times) });
    report({ phase: "one more", name: "slowest ms", value: Math.max(...times) });
  }
  if (times.length < singles) {
    report({ phase: "one more", name: `cut: measured, of ${singles}`, value: times.length });
  }
  reportCost("one more", await running.take());
}

async function measurePools(watch: AddressWatch, running: RunningSubject): Promise<void> {
  await createServices(client, late);
  await running.take();
  await measurePool("pool added", "10.1.0.0/20", watch, running);
  if (subject.renumbers) {
    await measurePool("pool moved", "10.2.0.0/20", watch, running);
  }
}

/** @param range of addresses that begin with 10., a number and a dot */
async function measurePool(
  phase: string,
  range: string,
  watch: AddressWatch,
  running: RunningSubject,
): Promise<void> {
  const beginning = range.slice(0, "10.0.".length);
  const startMs = performance.now();
  await setLatePool(range);
  const limit = AbortSignal.timeout(limitMs);
  const reached = await watch.untilAll(late, limit, (address) => address.startsWith(beginning));
  if (reached.isWhole) {
    report({ phase, name: "ms to the last address", value: reached.lastMs - startMs });
  } else {
    const perSecond = rate(reached.count, performance.now() - startMs);
    report({ phase, name: "addresses per s", value: perSecond });
  }
  reportReached(phase, touched, reached);
  reportCost(phase, await running.take());
}

/** Created as fast as the API server takes them, with the controller at work. */
async function measureBurst(watch: AddressWatch, running: RunningSubject): Promise<void> {
  await removeServices(client, late);
  await removeServices(client, many);
  reportCost("all removed", await running.take());
  const startMs = performance.now();
  const limit = new AbortController();
  const created = createServices(client, again).then((createMs) => {
    void delay(limitMs, undefined, { ref: false }).then(() => limit.abort());
    return createMs;
  });
  const reached = await watch.untilAll(again, limit.signal);
  const endMs = reached.isWhole ? reached.lastMs : performance.now();
  const createMs = await created;
  report({ phase: "burst", name: "created per s", value: rate(count, createMs) });
  report({ phase: "burst", name: "addresses per s", value: rate(reached.count, endMs - startMs) });
  if (reached.isWhole) {
    const name = "last address after the last create, ms";
    report({ phase: "burst", name, value: endMs - startMs - createMs });
  }
  reportReached("burst", count, reached);
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
  await measureBacklog(watch);
  await using running = await measureRestart(watch);
  await measureSingles(watch, running);
  await measurePools(watch, running);
  await measureBurst(watch, running);
}
client[Symbol.dispose]();
