/** `npm run bench -- NAME [options]`: needs root, as the lab does. */
import { benchBgp } from "./bgp.ts";
import { benchController } from "./controller.ts";
import { benchDecide } from "./decide.ts";
import { benchFailover } from "./failover.ts";
import { benchParse } from "./parse.ts";
import { benchPeers } from "./peers.ts";
import { benchScale } from "./scale.ts";
import { benchStatus } from "./status.ts";

const benches: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  bgp: benchBgp,
  controller: benchController,
  decide: benchDecide,
  failover: benchFailover,
  parse: benchParse,
  peers: benchPeers,
  scale: benchScale,
  status: benchStatus,
};

const [name = "", ...args] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  console.error(`usage: npm run bench -- ${Object.keys(benches).join("|")} [options]`);
  process.exitCode = 2;
} else {
  await bench(args);
}
