import { at, type Json, numberAt, textAt } from "../../lab/kube/json.ts";
import { waitFor } from "../../lab/wait.ts";
import { nodeAddress, routerAsn, type ScaleCluster } from "../scale/cluster.ts";
import type { Daemon } from "../scale/daemon.ts";
import { changesSince, createdToKernel, type RouteChange, untilPaths } from "../scale/kernel.ts";
import type { ScaleObjects } from "../scale/objects.ts";
import type { Misses } from "./misses.ts";
import type { SpeakerPods } from "./speaker-pods.ts";
import type { RequestStream } from "./stream.ts";

/** Of the dead node's row, for each product the same: the router asks for it. */
export const holdTimeSeconds = 3;
/** All next hops are there after each event, or it counts as not measured. */
const pathsLimitMs = 180_000;

/** What an event did to requests, and to the routes through one node. */
export interface Failure {
  readonly sent: number;
  readonly lost: number;
  /** Routes that left the router's kernel, or lost this node as a next hop there. */
  readonly routesOut: number;
  /** From the first that left until all are back; 0: none left. */
  readonly outSeconds: number;
}

/** Undefined: not measured, which the misses tell of. */
export interface Failures {
  readonly terminated: Failure | undefined;
  readonly killed: Failure | undefined;
  /** Of the speaker that follows, until all routes are there. */
  readonly restartCpuMs: number | undefined;
  readonly apiServerRestarted: Failure | undefined;
  /** Of a Service that is created when the API server answers again; Infinity: it did not come. */
  readonly createAfterMs: number | undefined;
  readonly dead: Failure | undefined;
  /** From the cut until the last route is without the node. */
  readonly deadSeconds: number | undefined;
}

/** A product with all Services held, at work on several nodes. */
export interface Place {
  readonly cluster: ScaleCluster;
  readonly objects: ScaleObjects;
  readonly stream: RequestStream;
  /** By node. */
  readonly speakers: Map<number, Daemon>;
  readonly pods: SpeakerPods;
  readonly startSpeaker: (node: number) => Promise<Daemon>;
  readonly misses: Misses;
  /** Of one create. */
  readonly limitMs: number;
}

/** What goes wrong, one after the other, while a client asks the first Service. */
export async function measureFailures(place: Place, node: number): Promise<Failures> {
  const { misses } = place;
  await misses.unless("a route through each node", () => untilAllPaths(place));
  const terminated = await misses.unless("TERM", () => restarted(place, node, "SIGTERM"));
  const killed = await misses.unless("-9", () => restarted(place, node, "SIGKILL"));
  const restartCpuMs = await misses.unless("CPU of a start", async () => {
    return (await place.speakers.get(node)?.cpuMs()) ?? Number.NaN;
  });
  const api = await misses.unless("API server restarted", () => measureApiRestart(place, node));
  const dead = await misses.unless("dead node", () => measureDeath(place, node));
  return {
    terminated,
    killed,
    restartCpuMs,
    apiServerRestarted: api?.apiServerRestarted,
    createAfterMs: api?.createAfterMs,
    dead: dead?.dead,
    deadSeconds: dead?.deadSeconds,
  };
}

async function measureApiRestart(
  place: Place,
  node: number,
): Promise<Pick<Failures, "apiServerRestarted" | "createAfterMs">> {
  const { cluster, objects, limitMs } = place;
  let createAfterMs: number | undefined;
  const apiServerRestarted = await watched(place, node, async () => {
    await cluster.restartApiServer();
    [createAfterMs] = await createdToKernel(cluster, objects, 1, limitMs);
    await untilAllPaths(place);
  });
  return { apiServerRestarted, createAfterMs };
}

async function measureDeath(
  place: Place,
  node: number,
): Promise<Pick<Failures, "dead" | "deadSeconds">> {
  const { cluster, objects, speakers } = place;
  await shortenHoldTime(place);
  let deadSeconds: number | undefined;
  const dead = await watched(place, node, async () => {
    const cutMs = Date.now();
    await cluster.setSwitched(node, false);
    try {
      await untilPaths(cluster, objects.services * (speakers.size - 1), pathsLimitMs);
      const gone = gatewayTimes(await changesSince(cluster.router, cutMs), nodeAddress(node)).left;
      deadSeconds = ((gone.at(-1)?.atMs ?? Number.NaN) - cutMs) / 1_000;
    } finally {
      await cluster.setSwitched(node, true);
    }
    await untilAllPaths(place);
  });
  return { dead, deadSeconds };
}

/**
 * The speaker ends and starts again at once: in a Pod that follows its own, as in a rolling update, or
 * killed in one that stays.
 */
async function restarted(
  place: Place,
  node: number,
  signal: "SIGTERM" | "SIGKILL",
): Promise<Failure> {
  return watched(place, node, async () => {
    const startedMs = Date.now();
    const isReplaced = signal === "SIGTERM";
    if (isReplaced) await place.pods.beginDelete(node);
    await place.speakers.get(node)?.end(signal);
    if (isReplaced) {
      await place.pods.remove(node);
      await place.pods.create(node);
    }
    place.speakers.set(node, await place.startSpeaker(node));
    await untilNeighbors(place.cluster, [node], "established anew", (neighbor) => {
      const sinceSeconds = numberAt(neighbor, "bgpTimerUpEstablishedEpoch") ?? 0;
      return sinceSeconds >= Math.floor(startedMs / 1_000);
    });
    await untilAllPaths(place);
  });
}

async function watched(
  { cluster, objects, stream }: Place,
  node: number,
  event: () => Promise<void>,
): Promise<Failure> {
  const fromMs = Date.now();
  const requests = await stream.during(await objects.untilAddressed(0), event);
  const { left, back } = gatewayTimes(
    await changesSince(cluster.router, fromMs),
    nodeAddress(node),
  );
  const [first] = left;
  return {
    ...requests,
    routesOut: new Set(left.map(({ prefix }) => prefix)).size,
    outSeconds: first === undefined ? 0 : ((back.at(-1)?.atMs ?? Number.NaN) - first.atMs) / 1_000,
  };
}

/** Changes after which a route is without the gateway, and those after which it has it. */
function gatewayTimes(changes: readonly RouteChange[], gateway: string) {
  return {
    left: changes.filter(({ gateways }) => !gateways.includes(gateway)),
    back: changes.filter(({ gateways }) => gateways.includes(gateway)),
  };
}

/** The router's side of every session asks for a Hold Time, until it is restarted. */
async function shortenHoldTime(place: Place): Promise<void> {
  const { cluster, speakers } = place;
  const timers = `neighbor nodes timers ${holdTimeSeconds / 3} ${holdTimeSeconds}`;
  await cluster.router.configure(`router bgp ${routerAsn}`, timers);
  await cluster.router.vtysh("clear bgp *");
  const what = `with a Hold Time of ${holdTimeSeconds} s`;
  await untilNeighbors(cluster, [...speakers.keys()], what, (neighbor) => {
    return numberAt(neighbor, "bgpTimerHoldTimeMsecs") === holdTimeSeconds * 1_000;
  });
  await untilAllPaths(place);
}

/** Resolves when the router has an Established session with each of `nodes` that is as wanted. */
async function untilNeighbors(
  { router }: ScaleCluster,
  nodes: readonly number[],
  what: string,
  isWanted: (neighbor: Json | undefined) => boolean,
): Promise<void> {
  await waitFor(
    async () => {
      const neighbors = await router.vtyshJson("show bgp neighbors json");
      const each = nodes.map((node) => at(neighbors, nodeAddress(node)));
      const areWanted = each.every(
        (one) => textAt(one, "bgpState") === "Established" && isWanted(one),
      );
      return areWanted || undefined;
    },
    { what: `sessions ${what}`, timeoutMs: 120_000, intervalMs: 100 },
  );
}

async function untilAllPaths({ cluster, objects, speakers }: Place): Promise<void> {
  await untilPaths(cluster, objects.services * speakers.size, pathsLimitMs);
}
