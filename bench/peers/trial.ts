import { pause } from "../../lab/wait.ts";
import type { ScaleCluster } from "../scale/cluster.ts";
import { Daemon } from "../scale/daemon.ts";
import { createdToKernel, untilPaths } from "../scale/kernel.ts";
import { inParallel, ScaleObjects } from "../scale/objects.ts";
import type { Product, Role } from "../scale/product.ts";
import { type Failures, measureFailures, type Place } from "./failures.ts";
import { type Miss, Misses } from "./misses.ts";
import { SpeakerPods } from "./speaker-pods.ts";
import type { RequestStream } from "./stream.ts";

/** The node whose speaker is measured; the others join for the failures. */
const measured = 0;
export const speakerNodes = [measured, 1, 2];
export const controllerNode = 3;
/** MetalLB's controller looks for its own Pod, too, since 0.16. */
const podNodes = [...speakerNodes, controllerNode];
export const creates = 20;
const idleMs = 10_000;
/** After many Services: what is left to do is done. */
const settleMs = 5_000;
const quietMs = 2_000;

/** How many Services a product holds, and what is done to it then. */
export interface Part {
  readonly services: number;
  /** The Services have their addresses before the product starts: none is given all at once. */
  readonly areAddressed: boolean;
  /** Restarts, and a dead node. */
  readonly hasFailures: boolean;
}

export interface PeerOptions {
  readonly part: Part;
  /** Where the part has failures. */
  readonly stream: RequestStream | undefined;
  /** After so long a Service that was created counts as not there. */
  readonly limitMs: number;
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
  /** Of each, in milliseconds; Infinity: its route was not there in time. */
  readonly times: readonly number[];
  readonly controllerCpuMs: number;
  readonly speakerCpuMs: number;
}

/** Undefined: not measured, which the misses tell of where it should have been. */
export interface PeerTrial {
  readonly product: string;
  readonly part: Part;
  readonly limitMs: number;
  /** Without Services; only where they were not there from the beginning. */
  readonly idle: Footprint | undefined;
  readonly first: Creates | undefined;
  /** From the first create, or from the speaker's start, to the last route in the router's kernel. */
  readonly allSeconds: number | undefined;
  readonly held: Creates | undefined;
  readonly holding: Footprint | undefined;
  /** When both have become quiet. */
  readonly rested: Footprint | undefined;
  readonly failures: Failures | undefined;
  readonly misses: readonly Miss[];
}

/** Whatever fails of a product is said in the trial; none of it ends the run. */
export async function measurePeer(
  cluster: ScaleCluster,
  product: Product,
  { part, stream, limitMs }: PeerOptions,
): Promise<PeerTrial> {
  const misses = new Misses();
  const objects = new ScaleObjects(cluster.api, { writesEndpoints: true });
  const pods = new SpeakerPods(cluster.api, product);
  const speakers = new Map<number, Daemon>();
  const daemons: Daemon[] = [];
  const start = async (role: Role, node: number) => {
    const daemon = await Daemon.start(cluster, product, role, node);
    daemons.push(daemon);
    return daemon;
  };
  const startSpeaker = (node: number) => start("speaker", node);
  const place = { cluster, objects, pods, speakers, startSpeaker, misses, limitMs };
  const seen = await misses.unless("everything", async () => {
    await prepare(objects, part);
    const startedMs = performance.now();
    for (const node of podNodes) await pods.create(node);
    const controller = await start("controller", controllerNode);
    const speaker = await startSpeaker(measured);
    speakers.set(measured, speaker);
    return await measureDaemons({ ...place, controller, speaker, stream }, part, startedMs);
  });
  // A controller that is killed leaves its Lease, for which the next one would wait.
  for (const daemon of daemons) {
    await misses.unless("its end", () => daemon[Symbol.asyncDispose]());
  }
  await misses.unless("its end", async () => {
    for (const node of podNodes) await pods.remove(node);
    await objects.removeServices();
    // It forgets what a speaker that comes back would have kept, and what it was told meanwhile.
    await cluster.router.restart();
    await untilPaths(cluster, 0, 60_000);
  });
  const { name } = product;
  return { product: name, part, limitMs, ...(seen ?? nothing), misses: misses.all };
}

type Seen = Omit<PeerTrial, "product" | "part" | "limitMs" | "misses">;

const nothing: Seen = {
  idle: undefined,
  first: undefined,
  allSeconds: undefined,
  held: undefined,
  holding: undefined,
  rested: undefined,
  failures: undefined,
};

interface Bench extends Omit<Place, "stream"> {
  readonly controller: Daemon;
  readonly speaker: Daemon;
  readonly stream: RequestStream | undefined;
}

/** What is there before the product starts. */
async function prepare(objects: ScaleObjects, { services, areAddressed }: Part): Promise<void> {
  await objects.growNodes(speakerNodes.length);
  if (areAddressed) {
    await objects.growServices(services, { hasEndpoints: true });
    await inParallel(services, (index) =>
      objects.moveService(index, `10.100.${index >> 8}.${index & 255}`),
    );
  }
}

async function measureDaemons(
  bench: Bench,
  { services, areAddressed }: Part,
  startedMs: number,
): Promise<Seen> {
  const { cluster, objects, misses, speakers, stream } = bench;
  let idle: Footprint | undefined;
  let first: Creates | undefined;
  let fromMs = startedMs;
  if (!areAddressed) {
    await pause(settleMs);
    idle = await misses.unless("at rest, no Service", () => footprint(bench));
    first = await misses.unless("the first creates", () => measureCreates(bench));
    fromMs = performance.now();
    await objects.growServices(objects.services + services, { hasEndpoints: true });
  }
  const allSeconds = await misses.unless("all in the kernel", async () => {
    await untilPaths(cluster, objects.services);
    return (performance.now() - fromMs) / 1_000;
  });
  await pause(settleMs);
  const held = await misses.unless("creates with all held", () => measureCreates(bench));
  const holding = await misses.unless("just after, all held", () => footprint(bench));
  const rested = await misses.unless("at rest, all held", async () => {
    await untilQuiet(bench);
    return await footprint(bench);
  });
  const failures =
    stream &&
    (await misses.unless("failures", async () => {
      for (const node of speakerNodes.filter((one) => one !== measured)) {
        speakers.set(node, await bench.startSpeaker(node));
      }
      return await measureFailures({ ...bench, stream }, measured);
    }));
  return { idle, first, allSeconds, held, holding, rested, failures };
}

async function measureCreates({
  cluster,
  objects,
  controller,
  speaker,
  limitMs,
}: Bench): Promise<Creates> {
  const before = [await controller.cpuMs(), await speaker.cpuMs()] as const;
  const times = await createdToKernel(cluster, objects, creates, limitMs);
  return {
    times,
    controllerCpuMs: ((await controller.cpuMs()) - before[0]) / times.length,
    speakerCpuMs: ((await speaker.cpuMs()) - before[1]) / times.length,
  };
}

/** Resolves when both have used less than a hundredth of a processor for two seconds, or after a minute. */
async function untilQuiet({ controller, speaker }: Bench): Promise<void> {
  for (let look = 0; look < 30; look += 1) {
    const before = (await controller.cpuMs()) + (await speaker.cpuMs());
    await pause(quietMs);
    const usedMs = (await controller.cpuMs()) + (await speaker.cpuMs()) - before;
    if (usedMs < quietMs / 100) return;
  }
}

async function footprint({ controller, speaker }: Bench): Promise<Footprint> {
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
