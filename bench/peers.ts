import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { RequestStream } from "./peers/stream.ts";
import { formatTrials } from "./peers/table.ts";
import {
  controllerNode,
  measurePeer,
  type Part,
  type PeerTrial,
  speakerNodes,
} from "./peers/trial.ts";
import { ScaleCluster } from "./scale/cluster.ts";
import { metallbV011, metallbV016, type Product, routelb } from "./scale/product.ts";

const products: Readonly<Record<string, (cluster: ScaleCluster) => Product | Promise<Product>>> = {
  routelb,
  "metallb-0.11": metallbV011,
  "metallb-0.16": metallbV016,
};

const usualServices = 1_000;
/** What is measured of each product unless something else is asked for. */
const usualParts: readonly Part[] = [
  { services: usualServices, areAddressed: false, hasFailures: true },
  { services: 5_000, areAddressed: true, hasFailures: false },
];

const usage = `npm run bench -- peers [--services N] [--addressed] [--no-failures] [--limit SECONDS]
                          [--only PRODUCT]...

RouteLB, MetalLB v0.11.0 and MetalLB v0.16.2 in native mode, one after the other at one real API
server and one FRR router. A product that fails is said to, and the others go on.
Without the first three, both parts: 1,000 Services at once with all failures, then 5,000 that have
their addresses before the product starts.
--services: so many at once (default ${usualServices}; MetalLB v0.11.0 gives 2.5 addresses a second).
--addressed: they have their addresses before the product starts.
--no-failures: no restarts and no dead node.
--limit: a Service that is created counts as not there after so long (default 60).
--only: ${Object.keys(products).join(", ")}; can be given more than once.`;

export async function benchPeers(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", default: false },
      services: { type: "string" },
      addressed: { type: "boolean", default: false },
      "no-failures": { type: "boolean", default: false },
      limit: { type: "string", default: "60" },
      only: { type: "string", multiple: true, default: Object.keys(products) },
    },
  });
  const chosen = Object.entries(products).filter(([name]) => values.only.includes(name));
  if (values.help || chosen.length < values.only.length) {
    console.log(usage);
    return;
  }
  const { services, addressed, "no-failures": noFailures } = values;
  const isOne = services !== undefined || addressed || noFailures;
  const one: Part = {
    services: Number(services ?? usualServices),
    areAddressed: addressed,
    hasFailures: !noFailures,
  };
  const parts = isOne ? [one] : usualParts;
  await using cluster = await ScaleCluster.start([...speakerNodes, controllerNode]);
  const stream = parts.some(({ hasFailures }) => hasFailures)
    ? await RequestStream.start(cluster, speakerNodes)
    : undefined;
  const trials: PeerTrial[] = [];
  try {
    for (const [name, deploy] of chosen) {
      try {
        const product = await deploy(cluster);
        for (const part of parts) {
          const trial = await measurePeer(cluster, product, {
            part,
            stream: part.hasFailures ? stream : undefined,
            limitMs: Number(values.limit) * 1_000,
          });
          trials.push(trial);
          const [load = 0] = loadavg();
          console.error(JSON.stringify({ ...trial, load }));
        }
      } catch (error) {
        // Not built, or not deployed.
        console.error(`${name} is not measured:`, error);
      }
    }
  } finally {
    for (const part of parts) {
      console.log(`\n${formatTrials(trials.filter((trial) => trial.part === part))}`);
    }
  }
}
