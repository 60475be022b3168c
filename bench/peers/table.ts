import { median } from "../bgp/measure.ts";
import { type Column, figure, formatRows } from "../scale/report.ts";
import { quantile } from "../scale/wire.ts";
import { type Failure, type Failures, holdTimeSeconds } from "./failures.ts";
import { creates, type Part, type PeerTrial } from "./trial.ts";

/** One measurement: what it says of a product. */
interface Row {
  readonly title: string;
  readonly of: (trial: PeerTrial) => string;
}

/** A column for each product, and below what was not measured. All trials are of one part. */
export function formatTrials(trials: readonly PeerTrial[]): string {
  const columns: readonly Column<Row>[] = [
    { title: "", of: ({ title }) => title },
    ...trials.map((trial) => ({ title: trial.product, of: (row: Row) => row.of(trial) })),
  ];
  const [part] = trials.map((trial) => trial.part);
  const missing = trials.flatMap(({ product, misses }) =>
    misses.map(({ what, why }) => `${product}, ${what}: ${why}`),
  );
  return [formatRows(columns, part === undefined ? [] : rowsOf(part)), ...missing].join("\n\n");
}

function rowsOf({ services, areAddressed, hasFailures }: Part): readonly Row[] {
  const count = figure(services);
  const all = areAddressed
    ? `${count} that have addresses: from the start until all are in the kernel, s`
    : `${count} at once: until all are in the kernel, s`;
  return [
    { title: `create to kernel ms, median / p90 of ${creates}`, of: (of) => times(of, of.first) },
    { title: "CPU ms per create: controller / speaker", of: ({ first: of }) => createCpu(of) },
    { title: all, of: ({ allSeconds = Number.NaN }) => figure(allSeconds, 1) },
    { title: "then create to kernel ms", of: (of) => times(of, of.held) },
    { title: "CPU ms per create: controller / speaker", of: ({ held }) => createCpu(held) },
    { title: "RSS MB, no Service: controller / speaker", of: ({ idle }) => memory(idle) },
    { title: "RSS MB, all held", of: ({ holding }) => memory(holding) },
    { title: "CPU % at rest, no Service", of: ({ idle }) => restCpu(idle) },
    { title: "CPU % just after, all held", of: ({ holding }) => restCpu(holding) },
    { title: "CPU % at rest, all held", of: ({ rested }) => restCpu(rested) },
    ...(hasFailures ? failureRows : []),
  ];
}

const failureRows: readonly Row[] = [
  { title: "speaker ended by TERM", of: told(({ terminated }) => failure(terminated)) },
  { title: "speaker killed by -9", of: told(({ killed }) => failure(killed)) },
  {
    title: "CPU ms of its start",
    of: told(({ restartCpuMs = Number.NaN }) => figure(restartCpuMs)),
  },
  {
    title: "API server restarted",
    of: told(({ apiServerRestarted }) => failure(apiServerRestarted)),
  },
  {
    title: "then create to kernel ms",
    of: told(({ createAfterMs = Number.NaN }, { limitMs }) => within(limitMs, createAfterMs)),
  },
  {
    title: `dead node, Hold Time ${holdTimeSeconds} s`,
    of: told(
      ({ dead, deadSeconds = Number.NaN }) =>
        dead && `${lost(dead)}; out of the last route after ${figure(deadSeconds, 1)} s`,
    ),
  },
];

function told(of: (failures: Failures, trial: PeerTrial) => string | undefined): Row["of"] {
  return (trial) => (trial.failures && of(trial.failures, trial)) ?? "-";
}

function lost({ lost: count, sent }: Failure): string {
  return `${figure(count)} of ${figure(sent)} requests lost`;
}

function failure(seen: Failure | undefined): string | undefined {
  return (
    seen &&
    `${lost(seen)}; ${figure(seen.routesOut)} next hops out, for ${figure(seen.outSeconds, 1)} s`
  );
}

function times({ limitMs }: PeerTrial, of: PeerTrial["first"]): string {
  if (of === undefined) return "-";
  const both = [median(of.times), quantile(of.times, 0.9)].map((ms) => within(limitMs, ms));
  const late = of.times.filter((ms) => ms === Infinity).length;
  const isWhole = of.times.length === creates && late === 0;
  const missing = late === 0 ? "" : `, ${late} not there`;
  return `${both.join(" / ")}${isWhole ? "" : ` (of ${of.times.length}${missing})`}`;
}

/** Infinity: later than that. */
function within(limitMs: number, ms: number): string {
  return ms === Infinity ? `> ${figure(limitMs)}` : figure(ms);
}

function createCpu(of: PeerTrial["first"]): string {
  return pair(of?.controllerCpuMs, of?.speakerCpuMs, 1);
}

function memory(of: PeerTrial["idle"]): string {
  return pair(of?.controllerMegabytes, of?.speakerMegabytes);
}

function restCpu(of: PeerTrial["idle"]): string {
  return pair(of?.controllerCpuPercent, of?.speakerCpuPercent, 2);
}

function pair(left = Number.NaN, right = Number.NaN, decimals = 0): string {
  return `${figure(left, decimals)} / ${figure(right, decimals)}`;
}
