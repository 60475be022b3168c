import { findDaemons, type LabDaemon } from "../../lab/daemons.ts";
import type { Lab } from "../../lab/lab.ts";
import type { Probe } from "../../lab/probe.ts";
import { pause, waitFor } from "../../lab/wait.ts";
import { Random } from "../fuzz/random.ts";
import {
  type Action,
  chooseAction,
  createApp,
  createService,
  restoreActions,
  undisturbedNode,
  writeConfig,
} from "./actions.ts";
import { findDrift, untilSettled } from "./compare.ts";
import { type Holdings, holdingsOf, rssMegabytes, type Sample } from "./leaks.ts";
import { expectedRoutes, type SeenPods } from "./model.ts";
import { seeCluster } from "./reality.ts";
import { type Calm, judgeRequests, type Verdict } from "./requests.ts";
import { SoakWorld, steadyServices } from "./world.ts";

/** Far beyond what any change takes (a node is given up, a drain ends), on a busy machine. */
const settleLimitMs = 120_000;
const mostActionsInOneStep = 4;
const longestCalmMs = 3_000;
/** Of a request: a busy machine is slow, and a route to nowhere never answers. */
const timeoutMs = 5_000;

export interface SoakOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly print: (line: string) => void;
}

/** A process that lived from the beginning to the end. */
export interface Followed {
  readonly daemon: LabDaemon;
  readonly before: Holdings;
  readonly after: Holdings;
  readonly samples: readonly Sample[];
}

export interface SoakResult {
  readonly steps: number;
  readonly actions: number;
  readonly comparisons: number;
  /** Steps after which a Pod became ready or unready by itself, as on a machine that is too busy. */
  readonly disturbed: number;
  /** How long each step took until all was as the model had it, in milliseconds. */
  readonly settledMs: readonly number[];
  /** By name of the Service that is asked all the time. */
  readonly requests: ReadonlyMap<string, Verdict>;
  readonly followed: readonly Followed[];
}

/**
 * Changes a lab at random until the time is over, and compares it with the model after each step.
 *
 * @throws Error where the two do not come to agree, or do not stay so
 */
export async function soak(lab: Lab, options: SoakOptions): Promise<SoakResult> {
  const { seed, minutes, print } = options;
  const world = new SoakWorld();
  await populate(lab, world);
  await untilSettled(lab, world, settleLimitMs);
  const daemons = (await findDaemons(lab)).filter(
    ({ role, node }) => role === "controller" || node === undisturbedNode,
  );
  const before = new Map<LabDaemon, Holdings>();
  for (const daemon of daemons) {
    before.set(daemon, await holdingsOf(daemon));
    print(`${daemon.role} on ${daemon.node} is process ${daemon.pid}`);
  }
  const memory = new MemoryLog(daemons);
  const probes = new Map<string, Probe>();
  for (const name of Object.keys(steadyServices)) {
    const url = `http://${world.services.get(name)?.address ?? ""}/`;
    probes.set(name, await lab.probe({ url, concurrency: 2, intervalMs: 50, timeoutMs }));
  }
  const calms = new Map(Object.keys(steadyServices).map((name): [string, Calm[]] => [name, []]));
  const settledMs: number[] = [];
  let steps = 0;
  let actions = 0;
  let comparisons = 0;
  let disturbed = 0;
  const deadline = performance.now() + minutes * 60_000;
  while (performance.now() < deadline) {
    const random = new Random(seed, steps);
    const count = random.between(1, mostActionsInOneStep);
    steps += 1;
    for (let turn = 0; turn < count; turn += 1) {
      const action = chooseAction(world, random);
      print(`${steps}.${turn + 1} ${action.text}`);
      await action.perform(lab);
      await pause(random.below(500));
    }
    actions += count;
    settledMs.push(await untilSettled(lab, world, settleLimitMs));
    comparisons += 1;
    if (!(await stayCalm(lab, world, random.below(longestCalmMs), calms))) {
      disturbed += 1;
      print(`${steps} a Pod changed by itself`);
      settledMs.push(await untilSettled(lab, world, settleLimitMs));
    }
    comparisons += 1;
    await memory.sample();
  }
  await performAll(lab, restoreActions(world), print);
  await untilSettled(lab, world, settleLimitMs);
  const requests = new Map<string, Verdict>();
  for (const [name, probe] of probes) {
    requests.set(name, judgeRequests(await probe.finish(), calms.get(name) ?? []));
  }
  const followed: Followed[] = [];
  for (const [daemon, held] of before) {
    const after = await untilNoMore(daemon, held);
    followed.push({ daemon, before: held, after, samples: memory.samplesOf(daemon) });
  }
  return { steps, actions, comparisons, disturbed, settledMs, requests, followed };
}

async function populate(lab: Lab, world: SoakWorld): Promise<void> {
  const actions = [
    writeConfig(world, "the soak's"),
    ...[...world.apps.keys()].map((app) => createApp(world, app)),
    ...[...world.services.keys()].map((name) => createService(world, name)),
  ];
  await performAll(lab, actions, () => undefined);
}

async function performAll(
  lab: Lab,
  actions: readonly Action[],
  print: (line: string) => void,
): Promise<void> {
  for (const { text, perform } of actions) {
    print(text);
    await perform(lab);
  }
}

/**
 * Nothing is changed for a while: all must stay as it is, and requests be answered. False: a Pod
 * changed all the same, which is nothing to hold against routes.
 */
async function stayCalm(
  lab: Lab,
  world: SoakWorld,
  restMs: number,
  calms: ReadonlyMap<string, Calm[]>,
): Promise<boolean> {
  const { pods } = await seeCluster(lab, world);
  const expected = expectedRoutes(world, pods);
  const fromMs = Date.now();
  await pause(restMs);
  const drift = await findDrift(lab, world);
  if (drift.length > 0) {
    const now = await seeCluster(lab, world);
    if (now.unsettled.length > 0 || textOf(now.pods) !== textOf(pods)) {
      return false;
    }
    throw new Error(`drift while nothing was changed:\n  ${drift.join("\n  ")}`);
  }
  const toMs = Date.now();
  for (const [name, list] of calms) {
    const address = world.services.get(name)?.address ?? "";
    list.push({ fromMs, toMs, isReachable: (expected.get(address)?.size ?? 0) > 0 });
  }
  return true;
}

function textOf({ readyNodes, speakerNodes }: SeenPods): string {
  const apps = [...readyNodes].map(([app, nodes]) => `${app}: ${[...nodes].sort().join(" ")}`);
  return [...apps.sort(), [...speakerNodes].sort().join(" ")].join("\n");
}

/** What a process holds in the end: connections that are still open for a moment are waited for. */
async function untilNoMore(daemon: LabDaemon, held: Holdings): Promise<Holdings> {
  let after = await holdingsOf(daemon);
  await waitFor(
    async () => {
      after = await holdingsOf(daemon);
      return (after.descriptors <= held.descriptors && after.timers <= held.timers) || undefined;
    },
    { what: "no descriptor and no timer is left over", timeoutMs: 60_000, intervalMs: 1_000 },
  ).catch(() => undefined);
  return after;
}

class MemoryLog {
  readonly #samples: Map<LabDaemon, Sample[]>;
  readonly #startedMs = performance.now();

  constructor(daemons: readonly LabDaemon[]) {
    this.#samples = new Map(daemons.map((daemon) => [daemon, []]));
  }

  async sample(): Promise<void> {
    for (const [daemon, samples] of this.#samples) {
      const megabytes = await rssMegabytes(daemon);
      if (megabytes === undefined) {
        throw new Error(`the ${daemon.role} on ${daemon.node} has ended`);
      }
      samples.push({ seconds: (performance.now() - this.#startedMs) / 1_000, megabytes });
    }
  }

  samplesOf(daemon: LabDaemon): readonly Sample[] {
    return this.#samples.get(daemon) ?? [];
  }
}
