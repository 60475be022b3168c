import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { birdReceiver } from "./bgp/bird-receiver.ts";
import { frrReceiver } from "./bgp/frr-receiver.ts";
import { Link } from "./bgp/place.ts";
import { formatTable, type Row } from "./bgp/report.ts";
import type { Sender } from "./bgp/sender.ts";
import { birdSender } from "./bgp/senders/bird.ts";
import { exabgpSender } from "./bgp/senders/exabgp.ts";
import { frrSender } from "./bgp/senders/frr.ts";
import { gobgpSender } from "./bgp/senders/gobgp.ts";
import { programSender } from "./bgp/senders/program.ts";
import { RouterUnderLoad, type Trial } from "./bgp/trial.ts";

const senders: readonly Sender[] = [
  programSender("replay", "replay"),
  programSender("replay, extended messages", "replay", "extended"),
  programSender("RouteLB", "routelb"),
  gobgpSender,
  exabgpSender,
  birdSender,
  frrSender,
];
const receivers = [frrReceiver, birdReceiver];

/** Repetitions by number of routes; ExaBGP takes minutes for the last. */
const repetitions: Readonly<Record<number, number>> = { 1_000: 7, 10_000: 7, 100_000: 3 };
const quickCounts: readonly number[] = [1_000, 10_000];
const quickRepetitions = 2;
const changesAtCount = 10_000;
const changes = 20;
const limitMs = 180_000;

const usage = `npm run bench -- bgp [--quick] [--count N] [--repeat N] [--sender NAME,...] [--router NAME]

Senders: ${senders.map(({ name }) => name).join("; ")}
Routers: ${receivers.map(({ name }) => name).join("; ")}`;

/**
 * How fast routes get to a router: RouteLB's library, four other BGP speakers, and the limit that a
 * replay of octets sets, each from a namespace of its own to FRR and to BIRD.
 */
export async function benchBgp(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      count: { type: "string" },
      repeat: { type: "string" },
      sender: { type: "string" },
      router: { type: "string" },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const isChosen = (name: string, choice: string | undefined) =>
    choice === undefined ||
    choice.split(",").some((start) => name.toLowerCase().startsWith(start.toLowerCase()));
  const usualCounts = values.quick ? quickCounts : Object.keys(repetitions).map(Number);
  const counts = values.count === undefined ? usualCounts : [Number(values.count)];
  await using link = await Link.open();
  for (const kind of receivers.filter(({ name }) => isChosen(name, values.router))) {
    for (const count of counts) {
      const usual = values.quick ? quickRepetitions : (repetitions[count] ?? 3);
      const repeat = values.repeat === undefined ? usual : Number(values.repeat);
      const chosen = senders.filter(({ name }) => isChosen(name, values.sender));
      await using router = await RouterUnderLoad.start(kind, link);
      const rows = await measureAll(router, link, chosen, count, repeat);
      const [load = 0] = loadavg();
      console.log(`\n${count} routes to ${kind.name}, ${repeat} times, load ${load.toFixed(1)}:\n`);
      console.log(formatTable(rows, (name) => name.startsWith("replay")));
    }
  }
}

/** Takes the senders in turns, so that a busy minute of the machine hits them alike. */
async function measureAll(
  router: RouterUnderLoad,
  link: Link,
  chosen: readonly Sender[],
  count: number,
  repeat: number,
): Promise<Row[]> {
  const trials = chosen.map((): Trial[] => []);
  for (let round = 0; round < repeat; round += 1) {
    for (const [index, sender] of chosen.entries()) {
      // The change of one route is a median by itself: one round has enough of them.
      const changesNow = count === changesAtCount && round === 0 ? changes : 0;
      const trial = await router.measure(sender, link, { count, changes: changesNow, limitMs });
      trials[index]?.push(trial);
      console.error(`  ${router.name} <- ${sender.name}, ${count}: ${JSON.stringify(trial)}`);
    }
  }
  return chosen.map(({ name }, index) => ({ sender: name, trials: trials[index] ?? [] }));
}
