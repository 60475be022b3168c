import { pause } from "../../lab/wait.ts";
import { Capture, type Segment } from "./capture.ts";
import { nodeName, type ScaleCluster } from "./cluster.ts";
import { Daemon } from "./daemon.ts";
import type { ScaleObjects } from "./objects.ts";
import type { Product } from "./product.ts";
import { endOfRibMs, quantile, updateDelays } from "./wire.ts";

/** What one speaker costs at one size. Times in milliseconds, memory in megabytes. */
export interface SpeakerTrial {
  readonly nodes: number;
  readonly services: number;
  readonly others: number;
  readonly endpoints: number;
  readonly rss: number;
  readonly peakRss: number;
  /** Megabytes (10^6) that the API server sent until the speaker was ready. */
  readonly listMegabytes: number;
  /** From the start of the process. */
  readonly endOfRibMs: number;
  readonly startCpuMs: number;
  readonly startStallP99Ms: number;
  readonly startStallMaxMs: number;
  readonly changeStallMaxMs: number;
  readonly serviceP50Ms: number;
  readonly serviceP99Ms: number;
  readonly endpointP50Ms: number;
  readonly endpointP99Ms: number;
  readonly decideMs: number;
  /** Of the speaker, for each change, without what it uses when nothing happens. */
  readonly serviceCpuMs: number;
  readonly endpointCpuMs: number;
  readonly ownHeartbeatCpuMs: number;
  readonly otherHeartbeatCpuMs: number;
  readonly idleCpuPercent: number;
  /** What the API server sent for each change. */
  readonly serviceKilobytes: number;
  readonly endpointKilobytes: number;
  readonly ownHeartbeatKilobytes: number;
  readonly otherHeartbeatKilobytes: number;
}

/** The node of the speaker that is measured. */
export const speakerNode = 0;
const changes = 100;
const changeSpacingMs = 50;
const settleMs = 4_000;
const idleMs = 3_000;
const startLimitMs = 120_000;

/**
 * A fresh speaker's first list, then changes one by one.
 *
 * @throws Error if the router was sent nothing, for then half of it would not be measured
 */
export async function measureSpeaker(
  cluster: ScaleCluster,
  objects: ScaleObjects,
  product: Product,
  endpoints: number,
): Promise<SpeakerTrial> {
  const namespace = cluster.namespace(nodeName(speakerNode));
  const startFile = cluster.path("start.pcap");
  const start = await Capture.start(namespace, startFile, "tcp dst port 179", 65_535);
  const octetsBefore = await cluster.octetsFromApi(speakerNode);
  await using speaker = await Daemon.start(cluster, product, "speaker", speakerNode);
  await speaker.untilReady(startLimitMs);
  const startCpuMs = await speaker.cpuMs();
  const listOctets = (await cluster.octetsFromApi(speakerNode)) - octetsBefore;
  await pause(settleMs);
  const startStall = await speaker.stall();
  const [endedMs] = endOfRibMs(await start.stop()).values();
  if (endedMs === undefined) {
    throw new Error("the speaker sent no End-of-RIB: it has no session with the router");
  }
  const rss = await speaker.rssMegabytes();
  const peakRss = await speaker.peakRssMegabytes();
  const meter = await Meter.start(cluster, speaker);
  const count = Math.min(changes, objects.services);
  const half = Math.ceil(count / 2);
  const service = await meter.measure(count, (turn) =>
    objects.moveService(turn % half, `10.101.${turn < half ? 0 : 1}.${turn % half}`),
  );
  const endpoint = await meter.measure(count, (turn) =>
    objects.setSlice(turn % half, endpoints, turn >= half),
  );
  const decideMs = (await speaker.metric("routelb_speaker_decide_seconds")) * 1_000;
  const own = await meter.measure(20, () => objects.heartbeat(speakerNode));
  const other = await meter.measure(100, (turn) =>
    objects.heartbeat(1 + (turn % Math.min(99, objects.nodes - 1))),
  );
  return {
    nodes: objects.nodes,
    services: objects.services,
    others: objects.others,
    endpoints,
    rss,
    peakRss,
    listMegabytes: listOctets / 1e6,
    endOfRibMs: endedMs - speaker.startedMs,
    startCpuMs,
    startStallP99Ms: startStall.p99Ms,
    startStallMaxMs: startStall.maxMs,
    changeStallMaxMs: (await speaker.stall()).maxMs,
    serviceP50Ms: quantile(service.delays, 0.5),
    serviceP99Ms: quantile(service.delays, 0.99),
    endpointP50Ms: quantile(endpoint.delays, 0.5),
    endpointP99Ms: quantile(endpoint.delays, 0.99),
    decideMs,
    serviceCpuMs: service.cpuMs,
    endpointCpuMs: endpoint.cpuMs,
    ownHeartbeatCpuMs: own.cpuMs,
    otherHeartbeatCpuMs: other.cpuMs,
    idleCpuPercent: meter.idleShare * 100,
    serviceKilobytes: service.kilobytes,
    endpointKilobytes: endpoint.kilobytes,
    ownHeartbeatKilobytes: own.kilobytes,
    otherHeartbeatKilobytes: other.kilobytes,
  };
}

interface Cost {
  readonly delays: readonly number[];
  readonly cpuMs: number;
  readonly kilobytes: number;
}

/** Measures what changes cost a speaker, each for itself. */
class Meter {
  /** Of one processor, while nothing happens. */
  readonly idleShare: number;
  readonly #cluster: ScaleCluster;
  readonly #speaker: Daemon;
  #captures = 0;

  private constructor(cluster: ScaleCluster, speaker: Daemon, idleShare: number) {
    this.#cluster = cluster;
    this.#speaker = speaker;
    this.idleShare = idleShare;
  }

  static async start(cluster: ScaleCluster, speaker: Daemon): Promise<Meter> {
    const before = await speaker.cpuMs();
    await pause(idleMs);
    return new Meter(cluster, speaker, ((await speaker.cpuMs()) - before) / idleMs);
  }

  async measure(count: number, change: (turn: number) => Promise<void>): Promise<Cost> {
    this.#captures += 1;
    const capture = await Capture.start(
      this.#cluster.namespace(nodeName(speakerNode)),
      this.#cluster.path(`changes${this.#captures}.pcap`),
      "tcp dst port 179 or tcp src port 6443",
    );
    const startedMs = performance.now();
    const cpuBefore = await this.#speaker.cpuMs();
    const octetsBefore = await this.#cluster.octetsFromApi(speakerNode);
    for (let turn = 0; turn < count; turn += 1) {
      await Promise.all([change(turn), pause(changeSpacingMs)]);
    }
    await pause(500);
    const octets = (await this.#cluster.octetsFromApi(speakerNode)) - octetsBefore;
    const cpuMs = (await this.#speaker.cpuMs()) - cpuBefore;
    const idleMsUsed = this.idleShare * (performance.now() - startedMs);
    const segments: readonly Segment[] = await capture.stop();
    return {
      delays: updateDelays(segments),
      cpuMs: (cpuMs - idleMsUsed) / count,
      kilobytes: octets / 1_000 / count,
    };
  }
}
