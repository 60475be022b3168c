/** RouteLB's speaker library with one peer, under the bench's commands. */
import { localInterfaces } from "../../../src/bgp/session/interfaces.ts";
import { Session } from "../../../src/bgp/session/session.ts";
import { tcpTransport } from "../../../src/bgp/session/transport.ts";
import { warmUp } from "../../../src/bgp/session/warm-up.ts";
import { makeAddress, parseAddress } from "../../../src/net/address.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { keepHeapSmall } from "../../../src/runtime/heap.ts";
import { holdTimeSeconds, routerAddress, routerAsn, senderAddress, senderAsn } from "../place.ts";
import { serveCommands } from "./command-server.ts";
import { benchRoutes } from "./routes.ts";

// As the speaker does when it starts, here and where it warms up.
keepHeapSmall();

const none = makeAddress("ipv4", 0n);
const quiet = { debug: () => {}, info: () => {}, warn: console.error, error: console.error };

const session = new Session({
  peer: {
    name: "router",
    localAsn: senderAsn,
    peerAsn: routerAsn,
    peerAddress: parseAddress(routerAddress) ?? none,
    peerPort: 179,
    holdTimeSeconds,
    connectTimeSeconds: 5,
    sendHoldTimeSeconds: 480,
    families: ["ipv4", "ipv6"],
    importLimit: 0,
    linkBandwidth: "auto",
  },
  node: { name: "node1", addresses: [parseAddress(senderAddress) ?? none] },
  clock: systemClock,
  random: Math.random,
  transport: tcpTransport,
  logger: quiet,
  interfaces: localInterfaces,
  uptimeSeconds: () => 1e6,
  onChange: () => {},
});

warmUp(localInterfaces);
let routes = benchRoutes(0);
serveCommands(process.argv[2] ?? "", (name, argument) => {
  switch (name) {
    case "load":
      routes = benchRoutes(Number(argument));
      session.setRoutes(routes);
      break;
    case "connect":
      session.start();
      break;
    case "withdraw-all":
      session.setRoutes([]);
      break;
    case "change":
      session.setRoutes(argument === "present" ? routes : routes.slice(1));
      break;
  }
});
