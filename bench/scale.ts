import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { pause } from "../lab/wait.ts";
import { ScaleCluster } from "./scale/cluster.ts";
import { Daemon } from "./scale/daemon.ts";
import { ScaleObjects } from "./scale/objects.ts";
import { metallbV011, type Product, routelb } from "./scale/product.ts";
import { type Column, figure, formatRows } from "./scale/report.ts";
import { measureSwarm, type SwarmTrial, type WatchRow } from "./scale/swarm.ts";
import { measureSpeaker, type SpeakerTrial, speakerNode } from "./scale/trial.ts";

/** One size of a cluster. The store only grows, so sizes are taken in this order. */
interface Size {
  readonly nodes: number;
  readonly services: number;
  readonly endpoints: number;
  /** Services that are no load balancers; none unless said. */
  readonly others?: number;
}

const sizes: readonly Size[] = [
  ...[1, 3, 100].map((endpoints) => ({ nodes: 100, services: 100, endpoints })),
  { nodes: 100, services: 1_000, endpoints: 3 },
  ...[1, 3, 100].map((endpoints) => ({ nodes: 1_000, services: 1_000, endpoints })),
  { nodes: 5_000, services: 1_000, endpoints: 3 },
  ...[1, 3, 100].map((endpoints) => ({ nodes: 5_000, services: 10_000, endpoints })),
];

const quickSizes: readonly Size[] = [
  { nodes: 100, services: 100, endpoints: 3 },
  ...[3, 100].map((endpoints) => ({ nodes: 1_000, services: 1_000, endpoints })),
  ...[3, 100].map((endpoints) => ({ nodes: 5_000, services: 10_000, endpoints })),
];

/** The node that the controller runs on. */
const controllerNode = 1;

const usualSpeakers = 50;
const swarmServices = 1_000;
const swarmEndpoints = 3;

const usage = `npm run bench -- scale [--quick | --nodes N --services N --endpoints N --others N | --swarm]

Without sizes: all of them, ${sizes.length} in one run, then many speakers at once.
--others: the size by itself, then beside so many Services that are no load balancers.
--quick: some sizes alone. --swarm: many speakers alone; --speakers N: other than ${usualSpeakers}.`;

/** What one speaker and one controller cost, by the size of the cluster. */
export async function benchScale(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      swarm: { type: "boolean", default: false },
      speakers: { type: "string", default: String(usualSpeakers) },
      nodes: { type: "string" },
      services: { type: "string" },
      endpoints: { type: "string" },
      others: { type: "string" },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const { nodes, services, endpoints, others } = values;
  const isOne = [nodes, services, endpoints, others].some((value) => value !== undefined);
  const one: Size = {
    nodes: Number(nodes ?? 100),
    services: Number(services ?? 1_000),
    endpoints: Number(endpoints ?? 3),
  };
  const asked = others === undefined ? [one] : [one, { ...one, others: Number(others) }];
  const chosen = isOne ? asked : values.quick ? quickSizes : sizes;
  if (!values.swarm) {
    await using cluster = await ScaleCluster.start([speakerNode, controllerNode]);
    await measureSizes(cluster, chosen);
  }
  if (!isOne && !values.quick) {
    const nodes = Array.from({ length: Number(values.speakers) }, (_, index) => index);
    await using cluster = await ScaleCluster.start(nodes);
    await measureSpeakers(cluster, nodes);
  }
}

/** Many speakers at one API server and one router, of RouteLB and of MetalLB. */
async function measureSpeakers(cluster: ScaleCluster, nodes: readonly number[]): Promise<void> {
  const objects = new ScaleObjects(cluster.api, { writesEndpoints: true });
  await objects.growNodes(100);
  const ours = routelb(cluster);
  await giveAddresses(cluster, objects, ours, swarmServices);
  await objects.setEndpoints(swarmEndpoints);
  const trials: SwarmTrial[] = [];
  for (const product of [ours, await metallbV011(cluster)]) {
    const trial = await measureSwarm(cluster, objects, product, nodes, swarmEndpoints);
    trials.push(trial);
    const [load = 0] = loadavg();
    console.error(JSON.stringify({ ...trial, load }));
  }
  console.log(
    `\n${nodes.length} speakers, ${swarmServices} Services of ${swarmEndpoints} endpoints, 100 Nodes:\n`,
  );
  console.log(formatRows(swarmColumns, trials));
  const rows = trials.flatMap(({ product, watches }) =>
    watches.map((row) => ({ ...row, product })),
  );
  console.log(`\nWho watches what, by the audit log:\n\n${formatRows(watchColumns, rows)}`);
}

async function measureSizes(cluster: ScaleCluster, chosen: readonly Size[]): Promise<void> {
  const objects = new ScaleObjects(cluster.api);
  const product = routelb(cluster);
  await objects.growNodes(chosen[0]?.nodes ?? 0);
  const idle = await idleMemory(cluster, product);
  const trials: SpeakerTrial[] = [];
  const controllers: ControllerTrial[] = [];
  for (const size of chosen) {
    await objects.growNodes(size.nodes);
    if (objects.services < size.services) {
      controllers.push(await giveAddresses(cluster, objects, product, size.services));
    }
    await objects.setEndpoints(size.endpoints);
    await objects.growOthers(size.others ?? 0, size.endpoints);
    const trial = await measureSpeaker(cluster, objects, product, size.endpoints);
    trials.push(trial);
    const [load = 0] = loadavg();
    console.error(JSON.stringify({ ...trial, idleRss: idle, load }));
  }
  console.log(`\nAn idle speaker, no Service: ${figure(idle)} MB.\n`);
  console.log(formatRows(memoryColumns(idle), trials));
  console.log(`\n${formatRows(changeColumns, trials)}`);
  console.log(`\n${formatRows(controllerColumns, controllers)}`);
}

/** Of a speaker in a cluster without Services. */
async function idleMemory(cluster: ScaleCluster, product: Product): Promise<number> {
  await using speaker = await Daemon.start(cluster, product, "speaker", speakerNode);
  await speaker.untilReady(60_000);
  await pause(4_000);
  return await speaker.rssMegabytes();
}

interface ControllerTrial {
  readonly before: number;
  readonly services: number;
  /** From the controller's start until the newest Service has its address. */
  readonly seconds: number;
  readonly rss: number;
  readonly peakRss: number;
  readonly cpuMsEach: number;
  readonly stallP99Ms: number;
  readonly stallMaxMs: number;
}

/** Makes Services and starts a controller, which gives them addresses. */
async function giveAddresses(
  cluster: ScaleCluster,
  objects: ScaleObjects,
  product: Product,
  services: number,
): Promise<ControllerTrial> {
  const before = objects.services;
  await objects.growServices(services);
  const startedMs = performance.now();
  await using controller = await Daemon.start(cluster, product, "controller", controllerNode);
  await controller.untilReady(60_000);
  await objects.untilNewestAddressed();
  const seconds = (performance.now() - startedMs) / 1_000;
  await objects.untilAllAddressed();
  const cpuMs = await controller.cpuMs();
  const stall = await controller.stall();
  await pause(4_000);
  return {
    before,
    services,
    seconds,
    rss: await controller.rssMegabytes(),
    peakRss: await controller.peakRssMegabytes(),
    cpuMsEach: cpuMs / (services - before),
    stallP99Ms: stall.p99Ms,
    stallMaxMs: stall.maxMs,
  };
}

const sizeColumns: readonly Column<SpeakerTrial>[] = [
  { title: "nodes", of: ({ nodes }) => figure(nodes) },
  { title: "Services", of: ({ services }) => figure(services) },
  { title: "others", of: ({ others }) => figure(others) },
  { title: "endpoints each", of: ({ endpoints }) => figure(endpoints) },
];

function memoryColumns(idle: number): readonly Column<SpeakerTrial>[] {
  return [
    ...sizeColumns,
    { title: "RSS MB", of: ({ rss }) => figure(rss) },
    { title: "over idle MB", of: ({ rss }) => figure(rss - idle) },
    { title: "peak MB", of: ({ peakRss }) => figure(peakRss) },
    { title: "from API MB", of: ({ listMegabytes }) => figure(listMegabytes, 1) },
    { title: "start to End-of-RIB ms", of: ({ endOfRibMs }) => figure(endOfRibMs) },
    { title: "CPU ms", of: ({ startCpuMs }) => figure(startCpuMs) },
    { title: "stall p99 ms", of: ({ startStallP99Ms }) => figure(startStallP99Ms) },
    { title: "stall max ms", of: ({ startStallMaxMs }) => figure(startStallMaxMs) },
  ];
}

const changeColumns: readonly Column<SpeakerTrial>[] = [
  ...sizeColumns,
  { title: "Service to UPDATE p50 ms", of: ({ serviceP50Ms }) => figure(serviceP50Ms, 1) },
  { title: "p99 ms", of: ({ serviceP99Ms }) => figure(serviceP99Ms, 1) },
  { title: "endpoint to UPDATE p50 ms", of: ({ endpointP50Ms }) => figure(endpointP50Ms, 1) },
  { title: "p99 ms", of: ({ endpointP99Ms }) => figure(endpointP99Ms, 1) },
  { title: "last decision ms", of: ({ decideMs }) => figure(decideMs, 1) },
  { title: "stall max ms", of: ({ changeStallMaxMs }) => figure(changeStallMaxMs) },
  {
    title: "CPU ms / kB per Service change",
    of: ({ serviceCpuMs, serviceKilobytes }) =>
      `${figure(serviceCpuMs, 1)} / ${figure(serviceKilobytes, 1)}`,
  },
  {
    title: "per endpoint change",
    of: ({ endpointCpuMs, endpointKilobytes }) =>
      `${figure(endpointCpuMs, 1)} / ${figure(endpointKilobytes, 1)}`,
  },
  {
    title: "per heartbeat of its node",
    of: ({ ownHeartbeatCpuMs, ownHeartbeatKilobytes }) =>
      `${figure(ownHeartbeatCpuMs, 1)} / ${figure(ownHeartbeatKilobytes, 1)}`,
  },
  {
    title: "of another node",
    of: ({ otherHeartbeatCpuMs, otherHeartbeatKilobytes }) =>
      `${figure(otherHeartbeatCpuMs, 2)} / ${figure(otherHeartbeatKilobytes, 2)}`,
  },
  { title: "idle CPU %", of: ({ idleCpuPercent }) => figure(idleCpuPercent, 1) },
];

const controllerColumns: readonly Column<ControllerTrial>[] = [
  {
    title: "Services",
    of: ({ before, services }) => `${figure(before)} to ${figure(services)}`,
  },
  { title: "all have addresses after s", of: ({ seconds }) => figure(seconds, 1) },
  { title: "controller RSS MB", of: ({ rss }) => figure(rss) },
  { title: "peak MB", of: ({ peakRss }) => figure(peakRss) },
  { title: "CPU ms per Service", of: ({ cpuMsEach }) => figure(cpuMsEach, 1) },
  { title: "stall p99 ms", of: ({ stallP99Ms }) => figure(stallP99Ms) },
  { title: "stall max ms", of: ({ stallMaxMs }) => figure(stallMaxMs) },
];

const swarmColumns: readonly Column<SwarmTrial>[] = [
  { title: "", of: ({ product }) => product },
  { title: "all advertise after s", of: ({ allSeconds }) => figure(allSeconds, 1) },
  { title: "kB from API each, first list", of: ({ listKilobytes }) => figure(listKilobytes) },
  { title: "requests each", of: ({ requestsEach }) => figure(requestsEach, 1) },
  { title: "watches each", of: ({ watchesEach }) => figure(watchesEach, 1) },
  { title: "requests/s of all, idle", of: ({ idleRequests }) => figure(idleRequests, 2) },
  { title: "endpoint to UPDATE p50 ms", of: ({ p50Ms }) => figure(p50Ms, 1) },
  { title: "p99 ms", of: ({ p99Ms }) => figure(p99Ms, 1) },
  { title: "kB each per endpoint change", of: ({ changeKilobytes }) => figure(changeKilobytes, 2) },
  {
    title: "kB each per heartbeat of a Node",
    of: ({ heartbeatKilobytes }) => figure(heartbeatKilobytes, 3),
  },
  { title: "RSS MB, median", of: ({ rss }) => figure(rss) },
];

const watchColumns: readonly Column<WatchRow & { readonly product: string }>[] = [
  { title: "", of: ({ product }) => product },
  { title: "verb", of: ({ verb }) => verb },
  { title: "what", of: ({ what }) => what },
  { title: "selector", of: ({ selector }) => selector },
  { title: "requests", of: ({ count }) => figure(count) },
];
