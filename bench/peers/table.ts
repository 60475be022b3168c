import { type Column, figure, formatRows } from "../scale/report.ts";
import { type Failure, type Failures, holdTimeSeconds } from "./failures.ts";
import type { PeerTrial } from "./trial.ts";

/** One measurement: what it says of a product. */
interface Row {
  readonly title: string;
  readonly of: (trial: PeerTrial) => string;
}

/** A column for each product. */
export function formatTrials(trials: readonly PeerTrial[]): string {
  const columns: readonly Column<Row>[] = [
    { title: "", of: ({ title }) => title },
    ...trials.map((trial) => ({ title: trial.product, of: (row: Row) => row.of(trial) })),
  ];
  const hasFailures = trials.some(({ failures }) => failures !== undefined);
  return formatRows(columns, [...rows(trials[0]), ...(hasFailures ? failureRows : [])]);
}

function rows(first: PeerTrial | undefined): readonly Row[] {
  const count = figure(first?.services ?? Number.NaN);
  const all = first?.areAddressed
    ? `${count} that have addresses: from the start until all are in the kernel, s`
    : `${count} at once: until all are in the kernel, s`;
  return [
    { title: "create to kernel ms, median / p90 of 20", of: ({ first: of }) => times(of) },
    { title: "CPU ms per create: controller / speaker", of: ({ first: of }) => createCpu(of) },
    { title: all, of: ({ allSeconds }) => figure(allSeconds, 1) },
    { title: "then create to kernel ms", of: ({ held }) => times(held) },
    { title: "CPU ms per create: controller / speaker", of: ({ held }) => createCpu(held) },
    { title: "RSS MB, no Service: controller / speaker", of: ({ idle }) => memory(idle) },
    { title: "RSS MB, all held", of: ({ holding }) => memory(holding) },
    { title: "CPU % at rest, no Service", of: ({ idle }) => restCpu(idle) },
    { title: "CPU % at rest, all held", of: ({ holding }) => restCpu(holding) },
  ];
}

const failureRows: readonly Row[] = [
  { title: "speaker ended by TERM", of: told(({ terminated }) => failure(terminated)) },
  { title: "speaker killed by -9", of: told(({ killed }) => failure(killed)) },
  { title: "CPU ms of its start", of: told(({ restartCpuMs }) => figure(restartCpuMs)) },
  {
    title: "API server restarted",
    of: told(({ apiServerRestarted }) => failure(apiServerRestarted)),
  },
  { title: "then create to kernel ms", of: told(({ createAfterMs }) => figure(createAfterMs)) },
  {
    title: `dead node, Hold Time ${holdTimeSeconds} s`,
    of: told(
      ({ dead, deadSeconds }) =>
        `${lost(dead)}; out of the last route after ${figure(deadSeconds, 1)} s`,
    ),
  },
];

function told(of: (failures: Failures) => string): Row["of"] {
  return ({ failures }) => (failures === undefined ? "-" : of(failures));
}

function lost({ lost: count, sent }: Failure): string {
  return `${figure(count)} of ${figure(sent)} requests lost`;
}

function failure(seen: Failure): string {
  return `${lost(seen)}; ${figure(seen.routesOut)} next hops out, for ${figure(seen.outSeconds, 1)} s`;
}

function times(creates: PeerTrial["first"]): string {
  return pair(creates?.p50Ms, creates?.p90Ms);
}

function createCpu(creates: PeerTrial["first"]): string {
  return pair(creates?.controllerCpuMs, creates?.speakerCpuMs, 1);
}

function memory(of: PeerTrial["idle"]): string {
  return pair(of?.controllerMegabytes, of?.speakerMegabytes);
}

function restCpu(of: PeerTrial["idle"]): string {
  return pair(of?.controllerCpuPercent, of?.speakerCpuPercent, 1);
}

function pair(left = Number.NaN, right = Number.NaN, decimals = 0): string {
  return `${figure(left, decimals)} / ${figure(right, decimals)}`;
}
