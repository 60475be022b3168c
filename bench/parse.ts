import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { run } from "../lab/command.ts";
import { formatKubeconfig } from "../lab/kubeconfig.ts";
import { median } from "./bgp/measure.ts";
import { pageLimit } from "./parse/slices.ts";
import { allWays, type Page, type Reading, titles, type Way } from "./parse/task.ts";
import { serviceName, sliceObject } from "./scale/manifests.ts";
import { type Column, figure, formatRows } from "./scale/report.ts";

const usage = `npm run bench -- parse [--services N] [--endpoints N] [--repeat N]

The first list of a speaker, parsed on the event loop and beside it, in fresh processes in turn: by
default 10,000 EndpointSlices of 100 endpoints, five times each. No root, no cluster.`;

const lister = fileURLToPath(new URL("parse/programs/lister.ts", import.meta.url));
const nodes = 5_000;
/** kube-apiserver's. */
const gzipLevel = 4;

interface Row {
  readonly way: Way;
  readonly readings: readonly Reading[];
}

const columns: readonly Column<Row>[] = [
  { title: "", of: ({ way }) => titles[way] },
  column("stall p99 ms", (one) => one.stallMs.p99, 1),
  column("max", (one) => one.stallMs.max, 1),
  column("stall p99 ms of CPU", (one) => one.stallCpuMs.p99, 1),
  column("max", (one) => one.stallCpuMs.max, 1),
  column("CPU ms of the loop", (one) => one.loopCpuMs),
  column("of all threads", (one) => one.cpuMs),
  column("until read ms", (one) => one.wallMs),
  column("peak RSS MB", (one) => one.peakRssMegabytes),
];

/** The median. */
function column(title: string, of: (reading: Reading) => number, decimals = 0): Column<Row> {
  return { title, of: ({ readings }) => figure(median(readings.map(of)), decimals) };
}

/** What parsing a long list costs the event loop, and what it would elsewhere. */
export async function benchParse(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", default: false },
      services: { type: "string", default: "10000" },
      endpoints: { type: "string", default: "100" },
      repeat: { type: "string", default: "5" },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const [services, endpoints] = [Number(values.services), Number(values.endpoints)];
  const folder = await mkdtemp(join(tmpdir(), "bench-parse-"));
  const server = await serve(pagesOf(services, endpoints));
  try {
    const kubeconfig = join(folder, "kubeconfig");
    await writeFile(kubeconfig, formatKubeconfig({ server: urlOf(server) }));
    const readings = new Map(allWays.map((way) => [way, [] as Reading[]]));
    for (let turn = 0; turn < Number(values.repeat); turn += 1) {
      for (const [way, those] of readings) {
        const reading: Reading = JSON.parse(
          await run(process.execPath, [lister, way, kubeconfig], { timeoutMs: 600_000 }),
        );
        if (reading.slices !== services) throw new Error(`${way}: ${reading.slices} slices only`);
        those.push(reading);
      }
    }
    const rows = [...readings].map(([way, those]) => ({ way, readings: those }));
    console.log(formatRows(columns, rows));
    const what = `${services} EndpointSlices of ${endpoints} endpoints`;
    console.log(`\n${what}; median of ${values.repeat}; load ${loadavg()[0]?.toFixed(1)}.`);
  } finally {
    server.close();
    await rm(folder, { recursive: true });
  }
}

/** The list as the API server sends it, compressed; the continue token is the next page's number. */
function pagesOf(services: number, endpoints: number): readonly Buffer[] {
  return Array.from({ length: Math.ceil(services / pageLimit) }, (_, page) => {
    const first = page * pageLimit;
    const count = Math.min(pageLimit, services - first);
    const isLast = first + count === services;
    const content: Page = {
      metadata: { resourceVersion: "1", ...(!isLast && { continue: String(page + 1) }) },
      items: Array.from({ length: count }, (_, index) =>
        sliceObject(serviceName(first + index), first + index, endpoints, nodes, true),
      ),
    };
    return gzipSync(JSON.stringify(content), { level: gzipLevel });
  });
}

async function serve(pages: readonly Buffer[]): Promise<Server> {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "", "http://server");
    const page = pages[Number(searchParams.get("continue") ?? 0)];
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
    response.end(page);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return server;
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `http://127.0.0.1:${address.port}`;
}
