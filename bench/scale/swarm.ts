import { auditedRequests } from "../../lab/cluster/audit.ts";
import { at, objectAt } from "../../lab/kube/json.ts";
import { pause, waitFor } from "../../lab/wait.ts";
import { median } from "../bgp/measure.ts";
import { Capture } from "./capture.ts";
import { nodeName, type ScaleCluster } from "./cluster.ts";
import { Daemon } from "./daemon.ts";
import type { ScaleObjects } from "./objects.ts";
import type { Product } from "./product.ts";
import { quantile, updateDelays } from "./wire.ts";

/** What many speakers cost together. */
export interface SwarmTrial {
  readonly product: string;
  /** From the start of the first until the router has every route from every speaker. */
  readonly allSeconds: number;
  readonly listKilobytes: number;
  readonly requestsEach: number;
  readonly watchesEach: number;
  /** A second, of all speakers, while nothing happens. */
  readonly idleRequests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly changeKilobytes: number;
  readonly heartbeatKilobytes: number;
  readonly rss: number;
  readonly watches: readonly WatchRow[];
}

/** Requests of one kind, of all speakers. */
export interface WatchRow {
  readonly verb: string;
  readonly what: string;
  readonly selector: string;
  readonly count: number;
}

const changes = 40;
const changeSpacingMs = 1_000;
const heartbeats = 100;
const idleMs = 20_000;
const startLimitMs = 300_000;

export async function measureSwarm(
  cluster: ScaleCluster,
  objects: ScaleObjects,
  product: Product,
  nodes: readonly number[],
  endpoints: number,
): Promise<SwarmTrial> {
  const octets = async () => {
    const each = await Promise.all(nodes.map((node) => cluster.octetsFromApi(node)));
    return each.reduce((sum, one) => sum + one, 0);
  };
  const octetsBefore = await octets();
  const startedMs = performance.now();
  const daemons: Daemon[] = [];
  for (const node of nodes) {
    daemons.push(await Daemon.start(cluster, product, "speaker", node));
  }
  await waitFor(
    async () => (await advertisedByAll(cluster, nodes, objects.services)) || undefined,
    {
      what: `the router has all routes from all ${product.name} speakers`,
      timeoutMs: startLimitMs,
      intervalMs: 500,
    },
  );
  const allSeconds = (performance.now() - startedMs) / 1_000;
  await pause(3_000);
  const listOctets = (await octets()) - octetsBefore;
  const requestsBefore = await countRequests(cluster, product);
  await pause(idleMs);
  const requestsAfter = await countRequests(cluster, product);
  const rss = median(await Promise.all(daemons.map((daemon) => daemon.rssMegabytes())));

  const change = await octetsOf(octets, changes, () => measureChanges(cluster, objects, endpoints));
  const heartbeat = await octetsOf(octets, heartbeats, async () => {
    for (let turn = 0; turn < heartbeats; turn += 1) {
      await objects.heartbeat(turn % objects.nodes);
    }
    await pause(1_000);
  });
  await Promise.all(daemons.map((daemon) => daemon[Symbol.asyncDispose]()));
  await pause(1_000);
  const watches = await readWatches(cluster, product);
  const watchCount = watches
    .filter(({ verb }) => verb === "watch")
    .reduce((sum, { count }) => sum + count, 0);
  return {
    product: product.name,
    allSeconds,
    listKilobytes: listOctets / 1_000 / nodes.length,
    requestsEach: watches.reduce((sum, { count }) => sum + count, 0) / nodes.length,
    watchesEach: watchCount / nodes.length,
    idleRequests: (requestsAfter - requestsBefore) / (idleMs / 1_000),
    p50Ms: quantile(change.result, 0.5),
    p99Ms: quantile(change.result, 0.99),
    changeKilobytes: change.octets / 1_000 / nodes.length,
    heartbeatKilobytes: heartbeat.octets / 1_000 / nodes.length,
    rss,
    watches,
  };
}

/** With the octets that the API server sent to all nodes for one of `count` doings. */
async function octetsOf<T>(
  octets: () => Promise<number>,
  count: number,
  measure: () => Promise<T>,
): Promise<{ readonly result: T; readonly octets: number }> {
  const before = await octets();
  const result = await measure();
  return { result, octets: ((await octets()) - before) / count };
}

/** The delays of all speakers, each from the first octet that the API server sent it. */
async function measureChanges(
  cluster: ScaleCluster,
  objects: ScaleObjects,
  endpoints: number,
): Promise<readonly number[]> {
  const filters = { control: "tcp src port 6443", router: "tcp dst port 179" };
  const captures = await Promise.all(
    Object.entries(filters).map(([part, filter]) =>
      Capture.start(cluster.namespace(part), cluster.path(`swarm-${part}.pcap`), filter),
    ),
  );
  for (let turn = 0; turn < changes; turn += 1) {
    const isReady = turn >= changes / 2;
    const index = turn % (changes / 2);
    await Promise.all([objects.setSlice(index, endpoints, isReady), pause(changeSpacingMs)]);
  }
  const segments = await Promise.all(captures.map((capture) => capture.stop()));
  return updateDelays(segments.flat().toSorted((a, b) => a.ms - b.ms));
}

async function advertisedByAll(
  cluster: ScaleCluster,
  nodes: readonly number[],
  routes: number,
): Promise<boolean> {
  const summary = await cluster.router.vtyshJson("show ip bgp summary json");
  const peers = Object.values(objectAt(summary, "ipv4Unicast", "peers"));
  return peers.filter((peer) => at(peer, "pfxRcd") === routes).length === nodes.length;
}

function userOf({ namespace }: Product): string {
  return `system:serviceaccount:${namespace}:speaker`;
}

async function countRequests(cluster: ScaleCluster, product: Product): Promise<number> {
  let count = 0;
  for await (const { user } of auditedRequests(cluster.auditLog)) {
    count += user === userOf(product) ? 1 : 0;
  }
  return count;
}

/** What all speakers of a product asked for, once its watches have ended and so are in the log. */
async function readWatches(cluster: ScaleCluster, product: Product): Promise<readonly WatchRow[]> {
  const counts = new Map<string, WatchRow>();
  for await (const { user, verb, target, uri } of auditedRequests(cluster.auditLog)) {
    if (user === userOf(product)) {
      const query = new URL(uri, "http://server").searchParams;
      const own = new RegExp(`${nodeName(0).replace(/\d+$/, "")}\\d+`);
      const selector = [query.get("fieldSelector"), query.get("labelSelector")]
        .filter((one) => one !== null)
        .join(" ")
        .replace(own, "OWN-NODE");
      const what = `${target}${query.has("continue") ? ", further pages" : ""}`;
      const key = JSON.stringify([verb, what, selector]);
      const count = (counts.get(key)?.count ?? 0) + 1;
      counts.set(key, { verb, what, selector, count });
    }
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count);
}
