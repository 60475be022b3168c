import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { pause, waitFor } from "../lab/wait.ts";
import { median } from "./bgp/measure.ts";
import { nodeAddress, ScaleCluster } from "./scale/cluster.ts";
import { Daemon } from "./scale/daemon.ts";
import { changesSince, createdToKernel, prefixesInKernel } from "./scale/kernel.ts";
import { ScaleObjects } from "./scale/objects.ts";
import { metallb, type Product, routelb } from "./scale/product.ts";
import { type Column, figure, formatRows } from "./scale/report.ts";
import { quantile } from "./scale/wire.ts";

const usage = `npm run bench -- peers [--services N]

RouteLB and MetalLB v0.11.0, one after the other at one real API server and one FRR router.
--services: at once (default 1000; MetalLB v0.11.0 gives 5 a second).`;

const speakerNode = 0;
const controllerNode = 1;
const creates = 20;
const limitMs = 600_000;

/** Times in milliseconds, memory in megabytes. */
interface PeerTrial {
  readonly product: string;
  readonly idleController: number;
  readonly idleSpeaker: number;
  readonly createP50Ms: number;
  readonly createP90Ms: number;
  readonly atOnce: number;
  /** Until the last of them is in the router's kernel. */
  readonly atOnceSeconds: number;
  readonly heldCreateP50Ms: number;
  readonly heldCreateP90Ms: number;
  readonly heldSpeakerCpuMs: number;
  readonly heldControllerCpuMs: number;
  readonly controller: number;
  readonly speaker: number;
  /** Routes that left the kernel when the speaker was killed and started again at once. */
  readonly lostRoutes: number;
  /** From the first that left until all are back; 0: none left. */
  readonly outSeconds: number;
  readonly restartCpuMs: number;
}

export async function benchPeers(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", default: false },
      services: { type: "string", default: "1000" },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  await using cluster = await ScaleCluster.start();
  await cluster.addNodes([speakerNode, controllerNode]);
  const trials: PeerTrial[] = [];
  for (const product of [routelb(cluster), await metallb(cluster)]) {
    const trial = await measurePeer(cluster, product, Number(values.services));
    trials.push(trial);
    const [load = 0] = loadavg();
    console.error(JSON.stringify({ ...trial, load }));
  }
  console.log(`\n${formatRows(columns, trials)}`);
}

async function measurePeer(
  cluster: ScaleCluster,
  product: Product,
  atOnce: number,
): Promise<PeerTrial> {
  const objects = new ScaleObjects(cluster.api, { writesEndpoints: true });
  await objects.growNodes(3);
  await using controller = await Daemon.start(cluster, product, "controller", controllerNode);
  const gateway = nodeAddress(speakerNode);
  let speaker = await Daemon.start(cluster, product, "speaker", speakerNode);
  try {
    await pause(10_000);
    const idleController = await controller.rssMegabytes();
    const idleSpeaker = await speaker.rssMegabytes();
    const first = await createdToKernel(cluster, objects, creates);

    const startedMs = performance.now();
    await objects.growServices(creates + atOnce, { hasEndpoints: true });
    await untilInKernel(cluster, creates + atOnce);
    const atOnceSeconds = (performance.now() - startedMs) / 1_000;
    await pause(3_000);

    const [speakerCpu, controllerCpu] = [await speaker.cpuMs(), await controller.cpuMs()];
    const held = await createdToKernel(cluster, objects, creates);
    const heldSpeakerCpuMs = ((await speaker.cpuMs()) - speakerCpu) / creates;
    const heldControllerCpuMs = ((await controller.cpuMs()) - controllerCpu) / creates;
    const rss = [await controller.rssMegabytes(), await speaker.rssMegabytes()] as const;

    const killedMs = Date.now();
    await speaker[Symbol.asyncDispose]();
    speaker = await Daemon.start(cluster, product, "speaker", speakerNode);
    await pause(15_000);
    await untilInKernel(cluster, objects.services);
    const lost = (await changesSince(cluster.router, killedMs)).filter(
      ({ gateways }) => !gateways.includes(gateway),
    );
    const back = (await changesSince(cluster.router, killedMs)).filter(({ gateways }) =>
      gateways.includes(gateway),
    );
    const restartCpuMs = await speaker.cpuMs();
    await objects.removeServices();
    await waitFor(async () => (await prefixesInKernel(cluster)) === 0 || undefined, {
      what: `no route of ${product.name} is left`,
      timeoutMs: limitMs,
      intervalMs: 500,
    });
    return {
      product: product.name,
      idleController,
      idleSpeaker,
      createP50Ms: median(first),
      createP90Ms: quantile(first, 0.9),
      atOnce,
      atOnceSeconds,
      heldCreateP50Ms: median(held),
      heldCreateP90Ms: quantile(held, 0.9),
      heldSpeakerCpuMs,
      heldControllerCpuMs,
      controller: rss[0],
      speaker: rss[1],
      lostRoutes: new Set(lost.map(({ prefix }) => prefix)).size,
      outSeconds:
        lost.length === 0
          ? 0
          : ((back.at(-1)?.atMs ?? Number.NaN) - (lost[0]?.atMs ?? Number.NaN)) / 1_000,
      restartCpuMs,
    };
  } finally {
    await speaker[Symbol.asyncDispose]();
  }
}

async function untilInKernel(cluster: ScaleCluster, count: number): Promise<void> {
  await waitFor(async () => (await prefixesInKernel(cluster)) === count || undefined, {
    what: `${count} routes in the router's kernel`,
    timeoutMs: limitMs,
    intervalMs: 50,
  });
}

const columns: readonly Column<PeerTrial>[] = [
  { title: "", of: ({ product }) => product },
  {
    title: "create to kernel ms, median / p90 of 20",
    of: (row) => `${figure(row.createP50Ms)} / ${figure(row.createP90Ms)}`,
  },
  { title: "at once", of: ({ atOnce }) => figure(atOnce) },
  { title: "all in kernel after s", of: ({ atOnceSeconds }) => figure(atOnceSeconds, 1) },
  {
    title: "then create to kernel ms",
    of: (row) => `${figure(row.heldCreateP50Ms)} / ${figure(row.heldCreateP90Ms)}`,
  },
  {
    title: "CPU ms per create: speaker / controller",
    of: (row) => `${figure(row.heldSpeakerCpuMs, 1)} / ${figure(row.heldControllerCpuMs, 1)}`,
  },
  {
    title: "speaker killed: routes out of the kernel, for s",
    of: (row) => `${figure(row.lostRoutes)}, ${figure(row.outSeconds, 1)}`,
  },
  { title: "CPU ms of its start", of: ({ restartCpuMs }) => figure(restartCpuMs) },
  {
    title: "RSS MB idle: controller / speaker",
    of: (row) => `${figure(row.idleController)} / ${figure(row.idleSpeaker)}`,
  },
  {
    title: "with all Services",
    of: (row) => `${figure(row.controller)} / ${figure(row.speaker)}`,
  },
];
