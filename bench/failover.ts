import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { Instance } from "../lab/instance.ts";
import { type BfdTimers, plainVariant } from "../lab/variant.ts";
import { median } from "./bgp/measure.ts";
import { measureDetection } from "./failover/detection.ts";
import { startFailoverLab } from "./failover/place.ts";
import { measureRestart } from "./failover/restart.ts";

const usage = `npm run bench -- failover [--repeat N] [--only NAME]

In the lab's scenario, from outside: how long a node whose link is cut without a word stays in the
router's kernel (NAME detection), and the requests that are lost while a speaker is killed with -9
and comes back under graceful restart (NAME restart).`;

/** How a dead node is noticed. */
interface Watch {
  readonly name: string;
  readonly bfd?: BfdTimers;
  readonly holdTimeSeconds?: number;
}

const watches: readonly Watch[] = [
  { name: "BFD 3 x 50 ms", bfd: { intervalMs: 50, multiplier: 3 } },
  { name: "BFD 3 x 300 ms", bfd: { intervalMs: 300, multiplier: 3 } },
  { name: "hold-time: 3s", holdTimeSeconds: 3 },
];

export async function benchFailover(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      repeat: { type: "string", default: "10" },
      only: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const repeat = Number(values.repeat);
  if (values.only !== "restart") await benchDetection(repeat);
  if (values.only !== "detection") await benchRestart(repeat);
}

async function benchDetection(repeat: number): Promise<void> {
  console.log("| noticed by | median ms | shortest | longest | cuts | load |");
  console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
  for (const { name, bfd, holdTimeSeconds } of watches) {
    await using instance = await Instance.open(`detect${process.pid.toString(36)}`);
    const variant = bfd === undefined ? plainVariant : { ...plainVariant, bfd };
    await using lab = await startFailoverLab(instance, variant);
    const load = formatLoad();
    const tookMs = await measureDetection(lab, { repeat, holdTimeSeconds });
    const figures = [median(tookMs), Math.min(...tookMs), Math.max(...tookMs)].map(Math.round);
    console.log(`| ${[name, ...figures, tookMs.length, load].join(" | ")} |`);
  }
}

async function benchRestart(repeat: number): Promise<void> {
  await using instance = await Instance.open(`restart${process.pid.toString(36)}`);
  await using lab = await startFailoverLab(instance, plainVariant);
  const load = formatLoad();
  const restarts = await measureRestart(lab, repeat);
  const sum = (of: (one: (typeof restarts)[number]) => number): number =>
    restarts.reduce((total, one) => total + of(one), 0);
  console.log(
    "\n| kills | requests | lost | changes of the route | session away, median ms | load |",
  );
  console.log("| ---: | ---: | ---: | ---: | ---: | ---: |");
  const cells = [
    restarts.length,
    sum(({ requests }) => requests),
    sum(({ lost }) => lost),
    sum(({ routeChanges }) => routeChanges),
    Math.round(median(restarts.map(({ awayMs }) => awayMs))),
    load,
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

/** Of the last minute. */
function formatLoad(): string {
  return (loadavg()[0] ?? Number.NaN).toFixed(1);
}
