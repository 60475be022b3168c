import { pause } from "../../lab/wait.ts";
import { median } from "../bgp/measure.ts";
import type { ScaleCluster } from "../scale/cluster.ts";
import { Daemon } from "../scale/daemon.ts";
import { createdToKernel, untilPaths } from "../scale/kernel.ts";
import { inParallel, ScaleObjects } from "../scale/objects.ts";
import type { Product } from "../scale/product.ts";
import { quantile } from "../scale/wire.ts";
import { type Failures, measureFailures } from "./failures.ts";
import { SpeakerPods } from "./speaker-pods.ts";
import type { RequestStream } from "./stream.ts";

/** The node whose speaker is measured; the others join for the failures. */
const measured = 0;
export const speakerNodes = [measured, 1, 2];
export const controllerNode = 3;
/** MetalLB's controller looks for its own Pod, too, since 0.16. */
const podNodes = [...speakerNodes, controllerNode];
const creates = 20;
const idleMs = 10_000;
/** After many Services: what is left to do is done. */
const settleMs = 5_000;

export interface PeerOptions {
  readonly services: number;
  /** The Services have their addresses before the product starts: none is given all at once. */
  readonly areAddressed: boolean;
  /** Without it, nothing goes wrong. */
  readonly stream: RequestStream | undefined;
}

/** Each of the controller and of one speaker. */
interface Footprint {
  readonly controllerMegabytes: number;
  readonly speakerMegabytes: number;
  /** Of one processor, while nothing happens. */
  readonly controllerCpuPercent: number;
  readonly speakerCpuPercent: number;
}

interface Creates {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly controllerCpuMs: number;
  readonly speakerCpuMs: number;
}

export interface PeerTrial {
  readonly product: string;
  readonly services: number;
  readonly areAddressed: boolean;
  /** Without Services; undefined where they were there from the beginning. */
  readonly idle: Footprint | undefined;
  readonly first: Creates | undefined;
  /** From the first create, or from the speaker's start, to the last route in the router's kernel. */
  readonly allSeconds: number;
  readonly held: Creates;
  readonly holding: Footprint;
  readonly failures: Failures | undefined;
}

export async function measurePeer(
  cluster: ScaleCluster,
  product: Product,
  { services, areAddressed, stream }: PeerOptions,
): Promise<PeerTrial> {
  const objects = new ScaleObjects(cluster.api, { writesEndpoints: true });
  await objects.growNodes(speakerNodes.length);
  if (areAddressed) {
    await objects.growServices(services, { hasEndpoints: true });
    await inParallel(services, (index) =>
      objects.moveService(index, `10.100.${index >> 8}.${index & 255}`),
    );
  }
  const startedMs = performance.now();
  const startSpeaker = (node: number) => Daemon.start(cluster, product, "speaker", node);
  const pods = new SpeakerPods(cluster.api, product);
  for (const node of podNodes) await pods.create(node);
  const controller = await Daemon.start(cluster, product, "controller", controllerNode);
  const speaker = await startSpeaker(measured);
  const speakers = new Map([[measured, speaker]]);
  try {
    let idle: Footprint | undefined;
    let first: Creates | undefined;
    let fromMs = startedMs;
    if (!areAddressed) {
      await pause(settleMs);
      idle = await footprint(controller, speaker);
      first = await measureCreates(cluster, objects, controller, speaker);
      fromMs = performance.now();
      await objects.growServices(objects.services + services, { hasEndpoints: true });
    }
    await untilPaths(cluster, objects.services);
    const allSeconds = (performance.now() - fromMs) / 1_000;
    await pause(settleMs);
    const held = await measureCreates(cluster, objects, controller, speaker);
    const holding = await footprint(controller, speaker);
    let failures: Failures | undefined;
    if (stream !== undefined) {
      for (const node of speakerNodes.filter((one) => one !== measured)) {
        speakers.set(node, await startSpeaker(node));
      }
      const place = { cluster, objects, stream, speakers, pods, startSpeaker };
      failures = await measureFailures(place, measured);
    }
    const seen = { idle, first, allSeconds, held, holding, failures };
    return { product: product.name, services, areAddressed, ...seen };
  } finally {
    for (const daemon of [...speakers.values(), controller]) await daemon.end("SIGKILL");
    for (const node of podNodes) await pods.remove(node);
    await objects.removeServices();
    // It forgets what a speaker that comes back would have kept, and what it was told meanwhile.
    await cluster.router.restart();
    await untilPaths(cluster, 0);
  }
}

async function measureCreates(
  cluster: ScaleCluster,
  objects: ScaleObjects,
  controller: Daemon,
  speaker: Daemon,
): Promise<Creates> {
  const before = [await controller.cpuMs(), await speaker.cpuMs()] as const;
  const times = await createdToKernel(cluster, objects, creates);
  return {
    p50Ms: median(times),
    p90Ms: quantile(times, 0.9),
    controllerCpuMs: ((await controller.cpuMs()) - before[0]) / creates,
    speakerCpuMs: ((await speaker.cpuMs()) - before[1]) / creates,
  };
}

async function footprint(controller: Daemon, speaker: Daemon): Promise<Footprint> {
  const before = [await controller.cpuMs(), await speaker.cpuMs()] as const;
  await pause(idleMs);
  const percent = (cpuMs: number) => (cpuMs / idleMs) * 100;
  return {
    controllerCpuPercent: percent((await controller.cpuMs()) - before[0]),
    speakerCpuPercent: percent((await speaker.cpuMs()) - before[1]),
    controllerMegabytes: await controller.rssMegabytes(),
    speakerMegabytes: await speaker.rssMegabytes(),
  };
}
