import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { RequestStream } from "./peers/stream.ts";
import { formatTrials } from "./peers/table.ts";
import { controllerNode, measurePeer, type PeerTrial, speakerNodes } from "./peers/trial.ts";
import { ScaleCluster } from "./scale/cluster.ts";
import { metallbV011, metallbV016, type Product, routelb } from "./scale/product.ts";

const products: Readonly<Record<string, (cluster: ScaleCluster) => Product | Promise<Product>>> = {
  routelb,
  "metallb-0.11": metallbV011,
  "metallb-0.16": metallbV016,
};

const usage = `npm run bench -- peers [--services N] [--addressed] [--no-failures] [--only PRODUCT]...

RouteLB, MetalLB v0.11.0 and MetalLB v0.16.2 in native mode, one after the other at one real API
server and one FRR router.
--services: so many at once (default 1000; MetalLB v0.11.0 gives 2.5 addresses a second).
--addressed: they have their addresses before the product starts.
--no-failures: no restarts and no dead node.
--only: ${Object.keys(products).join(", ")}; can be given more than once.`;

export async function benchPeers(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", default: false },
      services: { type: "string", default: "1000" },
      addressed: { type: "boolean", default: false },
      "no-failures": { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: Object.keys(products) },
    },
  });
  const chosen = Object.entries(products).filter(([name]) => values.only.includes(name));
  if (values.help || chosen.length < values.only.length) {
    console.log(usage);
    return;
  }
  await using cluster = await ScaleCluster.start([...speakerNodes, controllerNode]);
  const stream = values["no-failures"]
    ? undefined
    : await RequestStream.start(cluster, speakerNodes);
  const trials: PeerTrial[] = [];
  for (const [, product] of chosen) {
    const options = {
      services: Number(values.services),
      areAddressed: values.addressed,
      stream,
    };
    const trial = await measurePeer(cluster, await product(cluster), options);
    trials.push(trial);
    const [load = 0] = loadavg();
    console.error(JSON.stringify({ ...trial, load }));
  }
  console.log(`\n${formatTrials(trials)}`);
}
