import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { buildProgram } from "../lab/program.ts";
import { applyService, openCluster, type RunningCluster } from "../test/cli/running-cluster.ts";
import { median } from "./bgp/measure.ts";
import { type Column, figure, formatRows } from "./scale/report.ts";

const usage = `npm run bench -- status [--nodes N] [--dead N] [--repeat N]

How long \`routelb status\` takes with so many nodes (100), of which some never answer (10).`;

interface Run {
  /** From the start of its process to the end. */
  readonly tookMs: number;
  /** Nodes whose session it does not tell of. */
  readonly silent: number;
}

interface Trial {
  readonly nodes: number;
  readonly dead: number;
  readonly runs: readonly Run[];
}

const columns: readonly Column<Trial>[] = [
  { title: "nodes", of: ({ nodes }) => String(nodes) },
  { title: "of them dead", of: ({ dead }) => String(dead) },
  { title: "said to be silent", of: ({ runs }) => runs.map(({ silent }) => silent).join(", ") },
  { title: "median s", of: ({ runs }) => seconds(median(runs.map(({ tookMs }) => tookMs))) },
  { title: "of each run", of: ({ runs }) => runs.map(({ tookMs }) => seconds(tookMs)).join(", ") },
];

/** The lab's embedded API server and all the speakers are one process; each run is one of its own. */
export async function benchStatus(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      nodes: { type: "string", default: "100" },
      dead: { type: "string", default: "10" },
      repeat: { type: "string", default: "5" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const [nodes, repeat] = [Number(values.nodes), Number(values.repeat)];
  await using resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "routelb-status-"));
  resources.defer(() => rm(folder, { recursive: true }));
  const program = await buildProgram(folder);
  const trials: Trial[] = [];
  for (const dead of new Set([0, Number(values.dead)])) {
    trials.push({ nodes, dead, runs: await measure(program, { nodes, dead, repeat }) });
  }
  console.log(formatRows(columns, trials));
  console.log(`\nLoad ${loadavg()[0]?.toFixed(1)}.`);
}

async function measure(
  program: string,
  { nodes, dead, repeat }: { nodes: number; dead: number; repeat: number },
): Promise<readonly Run[]> {
  const names = Array.from({ length: nodes }, (_, index) => `node${index + 1}`);
  const silent = names.slice(0, dead);
  await using cluster = await openCluster({ speaking: names.slice(dead), refusing: [], silent });
  applyService(cluster.server, "nginx");
  await untilEstablished(cluster, nodes - dead);
  // The first answer of each speaker is slow: its code was never run.
  await status(program, cluster);
  const runs: Run[] = [];
  for (let turn = 0; turn < repeat; turn += 1) {
    const startMs = performance.now();
    const printed = await status(program, cluster);
    runs.push({ tookMs: performance.now() - startMs, silent: nodes - sessionsIn(printed) });
  }
  return runs;
}

async function untilEstablished({ router }: RunningCluster, sessions: number): Promise<void> {
  await router.until(() => router.count("End-of-RIB ipv4") >= sessions);
}

/** What `routelb status` prints. */
async function status(program: string, { kubeconfigPath }: RunningCluster): Promise<string> {
  const child = spawn(process.execPath, [program, "status", "--kubeconfig", kubeconfigPath], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [printed] = await Promise.all([text(child.stdout), once(child, "exit")]);
  return printed;
}

function sessionsIn(printed: string): number {
  return printed.match(/^node\d+ .*\bEstablished\b/gm)?.length ?? 0;
}

function seconds(milliseconds: number): string {
  return figure(milliseconds / 1_000, 2);
}
