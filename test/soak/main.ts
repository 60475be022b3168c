/**
 * `npm run soak -- [--minutes 3] [--seed N]`: a lab in which Services, endpoints, nodes, the
 * configuration and peers change at random while requests flow. A model of what should be reachable
 * is compared with the router's kernel, the API and answers after each step. Exit 1 on any drift, on
 * a lost request while nothing changed, and where memory, descriptors or timers grew.
 *
 * The same seed does the same again, step by step.
 */
import { parseArgs } from "node:util";
import { EmbeddedKube } from "../../lab/embedded-kube.ts";
import { Instance } from "../../lab/instance.ts";
import { Lab } from "../../lab/lab.ts";
import { describeError, logTails } from "../../lab/logs.ts";
import { describeResults } from "../../lab/sights/traffic.ts";
import { growth, slopePerHour } from "./leaks.ts";
import { type SoakResult, soak } from "./run.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "3" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
if (!Number.isFinite(minutes) || !Number.isInteger(seed)) {
  throw new Error("--minutes and --seed are numbers");
}

/** A timer that may wait in the end, and is no leak: for the next Event about the one session. */
const waitingEvents = 1;
/** Heaps breathe by less than that; a leak that a day's changes make visible is far more. */
const growthLimitMegabytes = 16;

const startedMs = performance.now();
const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => ending.abort(new Error(signal)));
}
process.exitCode = await main();

async function main(): Promise<number> {
  console.log(`soak: ${minutes} minutes; again with: npm run soak -- --seed ${seed}`);
  await using instance = await Instance.open(`soak${process.pid}`);
  try {
    await using lab = await Lab.start({
      instance,
      startKube: (taken, signal) => EmbeddedKube.start(taken, signal),
      signal: ending.signal,
      progress: () => undefined,
    });
    const ended = new Promise<never>((_, reject) => {
      ending.signal.addEventListener("abort", () => reject(ending.signal.reason));
    });
    return tell(await Promise.race([ended, soak(lab, { seed, minutes, print })]));
  } catch (error) {
    if (!ending.signal.aborted) {
      console.error(await logTails(instance, 30));
    }
    console.error(`soak failed with seed ${seed}: ${describeError(error)}`);
    return 1;
  }
}

function print(line: string): void {
  console.log(`[${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(7)} s] ${line}`);
}

/** Prints the summary; resolves with the exit status. */
function tell(result: SoakResult): number {
  const wrong: string[] = [];
  if (result.disturbed * 3 > result.steps) {
    wrong.push("Pods changed by themselves most of the time: the machine is too busy to tell");
  }
  const sorted = result.settledMs.toSorted((a, b) => a - b);
  const seconds = (share: number) =>
    ((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) / 1_000).toFixed(1);
  console.log(
    `\n${result.steps} steps of ${result.actions} changes, ${result.comparisons} comparisons, no drift; ` +
      `a Pod changed by itself after ${result.disturbed} of the steps; ` +
      `settled after ${seconds(0.5)} s (median), ${seconds(0.9)} s (90 %), ${seconds(1)} s (longest)`,
  );
  for (const [name, verdict] of result.requests) {
    const { requests, failures, calmRequests, calmFailures } = verdict;
    console.log(
      `${name}: ${requests} requests, ${failures} failed while something changed or nothing could answer; ` +
        `of ${calmRequests} while nothing changed, ${calmFailures.length} failed`,
    );
    if (calmFailures.length > 0) {
      const zeroMs = Date.now() - (performance.now() - startedMs);
      wrong.push(`${name}: ${describeResults(calmFailures, zeroMs)}`);
    }
  }
  for (const { daemon, before, after, samples } of result.followed) {
    const name = `${daemon.role} on ${daemon.node}`;
    const [first, last] = [samples[0], samples.at(-1)].map((sample) => sample?.megabytes ?? 0);
    const steady = samples.slice(Math.floor(samples.length / 4));
    const grown = growth(samples);
    console.log(
      `${name}: RSS ${first?.toFixed(0)} to ${last?.toFixed(0)} MB, slope ${slopePerHour(steady).toFixed(1)} MB an hour ` +
        `(without the first quarter), ${grown.toFixed(1)} MB from the second quarter to the last; ` +
        `descriptors ${before.descriptors} to ${after.descriptors}, timers ${before.timers} to ${after.timers}`,
    );
    if (grown > growthLimitMegabytes) {
      wrong.push(`${name}: memory grew`);
    }
    if (after.descriptors > before.descriptors || after.timers > before.timers + waitingEvents) {
      wrong.push(`${name}: descriptors or timers are left over`);
    }
  }
  console.log(wrong.length === 0 ? "soak passed" : `soak FAILED:\n  ${wrong.join("\n  ")}`);
  return wrong.length === 0 ? 0 : 1;
}
