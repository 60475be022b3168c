/**
 * The long fuzzing run: `npm run fuzz -- [--inputs 1000000] [--seed N]`. Every line of failure says
 * how to see it again; `--target codec|session|router|table` runs one part, and
 * `--target router --connection K` gives every connection what connection K got.
 */
import { parseArgs } from "node:util";
import { runBulk } from "./bulk.ts";
import { type CampaignResult, runCampaign } from "./campaign.ts";
import { type FullTableResult, runFullTable } from "./full-table.ts";
import { percentile, violations, type Watched } from "./verdict.ts";

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "1000000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    from: { type: "string", default: "0" },
    target: { type: "string", default: "all" },
    connection: { type: "string" },
    prefixes: { type: "string", default: "1000000" },
  },
});
const [inputs, seed, from] = [values.inputs, values.seed, values.from].map(Number);
if (inputs === undefined || seed === undefined || from === undefined) {
  throw new Error("--inputs, --seed and --from are numbers");
}

/** Of the inputs; those to a router over TCP cost the most. */
const routerShare = 0.01;
const sessionShare = 0.03;
/** The part over TCP ends in this time, with fewer inputs if need be. */
const routerMsPerInput = 4.5;
/** A busy machine gets through fewer; with less than this the run says nothing about sockets. */
const leastOfRouterInputs = 0.1;
const tableLimitMs = 60_000;
const hostileSessions = 64;
const progressEveryMs = 10_000;

const failures: string[] = [];
let total = 0;
let peakRssOctets = 0;
const startMs = performance.now();

async function bulk(target: "codec" | "session", count: number): Promise<void> {
  let saidMs = performance.now();
  const result = await runBulk(
    { target, seed: seed ?? 0, from: from ?? 0, to: count + (from ?? 0) },
    (done) => {
      if (performance.now() - saidMs > progressEveryMs) {
        saidMs = performance.now();
        console.log(`  ${target}: ${done} of ${count}`);
      }
    },
  );
  total += result.inputs;
  peakRssOctets = Math.max(peakRssOctets, result.peakRssOctets);
  failures.push(...result.failures);
  console.log(
    `${target}: ${result.inputs} inputs in ${seconds(result.durationMs)}, ${result.failures.length} failures, peak RSS ${megabytes(result.peakRssOctets)} in each process`,
  );
}

/** Resolves with how many inputs there was time for. */
async function router(count: number): Promise<number> {
  const result: CampaignResult = await runCampaign({
    seed: seed ?? 0,
    inputs: count,
    limitMs: Math.max(30_000, count * routerMsPerInput),
    hostileSessions,
    ...(values.connection !== undefined && { connection: Number(values.connection) }),
  });
  const { hostile, speaker } = result;
  total += hostile.inputs;
  console.log(
    `router: ${hostile.inputs} inputs on ${hostile.connections} connections in ${seconds(result.durationMs)}; the speaker took ${speaker.hostile.messagesReceived} messages, sent ${speaker.hostile.notificationsSent} NOTIFICATIONs, lost ${speaker.hostile.sessionsLost} sessions`,
  );
  console.log(`  connections by attack: ${JSON.stringify(hostile.attacks)}`);
  const replay = `--target router --seed ${seed} --connection K, K one of ${hostile.open.join(" ")}`;
  tell("router", result, result.crash === undefined ? "" : ` (${replay})`);
  const { messagesReceived, sessionsLost } = speaker.hostile;
  if (hostile.inputs < count * leastOfRouterInputs) {
    failures.push(`router: only ${hostile.inputs} of ${count} inputs in its time`);
  }
  if (messagesReceived === 0 || sessionsLost === 0) {
    failures.push("router: no hostile session was up, so nothing was tried");
  }
  return hostile.inputs;
}

async function table(prefixes: number): Promise<void> {
  const result: FullTableResult = await runFullTable(prefixes, tableLimitMs);
  const took = result.durationMs === undefined ? "never" : `in ${seconds(result.durationMs)}`;
  console.log(
    `table: ${prefixes} prefixes (${result.octets} octets) ${took}, from the start of the speaker`,
  );
  if (result.durationMs === undefined) {
    failures.push("table: the speaker did not take every route");
  }
  if (result.speaker.table?.sessionsLost !== 0) {
    failures.push("table: the session was lost");
  }
  tell("table", result, "");
}

function tell(part: string, watched: Watched, hint: string): void {
  const { seen, liveOctets, longestTurnMs } = watched;
  peakRssOctets = Math.max(peakRssOctets, watched.peakRssOctets);
  console.log(
    `  good peer: ${seen.closed} sessions lost, longest silence ${Math.round(seen.longestSilenceMs)} ms (its own longest turn ${Math.round(seen.longestTurnMs)} ms), ${seen.routeDelaysMs.length} changes of a route in ${percentile(seen.routeDelaysMs, 50).toFixed(1)} ms (median), ${percentile(seen.routeDelaysMs, 99).toFixed(1)} ms (99 %)`,
  );
  console.log(
    `  speaker: memory in use ${liveOctets.map(megabytes).join(" -> ")}, peak RSS ${megabytes(watched.peakRssOctets)}, longest turn of the event loop ${Math.round(longestTurnMs)} ms`,
  );
  failures.push(...violations(watched).map((text) => `${part}: ${text}${hint}`));
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function megabytes(octets: number): string {
  return `${(octets / 1e6).toFixed(0)} MB`;
}

console.log(`seed ${seed}`);
const all = values.target === "all";
const routerInputs = Math.ceil(inputs * (all ? routerShare : 1));
const sessionInputs = Math.ceil(inputs * (all ? sessionShare : 1));
const triedOverTcp = all || values.target === "router" ? await router(routerInputs) : 0;
if (all || values.target === "session") {
  await bulk("session", sessionInputs);
}
if (all || values.target === "codec") {
  // What TCP had no time for, the codec gets.
  await bulk("codec", all ? inputs - triedOverTcp - sessionInputs : inputs);
}
if (all || values.target === "table") {
  await table(Number(values.prefixes));
}
if (total < inputs && values.target !== "table" && values.target !== "router") {
  failures.push(`only ${total} of ${inputs} inputs were tried`);
}
console.log(
  `fuzz: ${total} inputs in ${seconds(performance.now() - startMs)}, ${failures.length} failures, peak RSS ${megabytes(peakRssOctets)}, seed ${seed}`,
);
for (const failure of failures) {
  console.error(`FAILED ${failure}`);
}
process.exitCode = failures.length === 0 ? 0 : 1;
