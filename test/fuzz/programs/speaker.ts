/**
 * A speaker with one session that matters and many with routers that are not what they should be.
 * It reports its memory, its event loop and its sessions.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { BgpListener } from "../../../src/bgp/session/listener.ts";
import { Session, type SessionPeer } from "../../../src/bgp/session/session.ts";
import { tcpTransport } from "../../../src/bgp/session/transport.ts";
import { type Address, makeAddress } from "../../../src/net/address.ts";
import { type Clock, systemClock } from "../../../src/runtime/clock.ts";
import { plainAttributes, route, routesOf } from "../../support/routes.ts";
import { type HostilePlace, hostileAddress, listenAddress } from "../hostile-place.ts";
import { programOptions, report } from "../program.ts";

export interface SpeakerOptions {
  /** Of the router whose session must not notice anything. */
  readonly goodPort: number;
  /** Absent: there are none. */
  readonly hostile?: HostilePlace;
  /** Of a router that sends a full table, on a session with the usual times. */
  readonly tablePort?: number;
}

export interface SpeakerReport {
  readonly atMs: number;
  readonly rssOctets: number;
  /** After a garbage collection, so present in some reports only. */
  readonly liveOctets?: number;
  /** Of the processor, since the start. */
  readonly cpuMs: number;
  /** The longest turn of the event loop since the last report. */
  readonly longestTurnMs: number;
  readonly good: SessionReport;
  readonly table?: SessionReport;
  /** Sums over the hostile sessions. */
  readonly hostile: SessionReport;
  /** Lines that say that a bug of ours was contained. */
  readonly bugs: readonly string[];
}

export interface SessionReport {
  readonly established: number;
  readonly sessionsLost: number;
  readonly messagesReceived: number;
  readonly notificationsSent: number;
  readonly prefixesReceived: number;
}

const nodeAddress = makeAddress("ipv4", 0xc000_020bn);
const loopback = makeAddress("ipv4", 0x7f00_0001n);
/** The timers of hostile sessions run this many times faster. */
const hostileSpeed = 600;
const reportEveryMs = 100;
/** How often a report comes with the memory after a garbage collection. */
const collectEvery = 20;
const beaconEveryMs = 100;
const fewRoutes = routesOf({ count: 500 });
const manyRoutes = routesOf({ count: 10_000 });
/** Shorter delays are for the turn of the event loop: they stay. */
const shortestTimerMs = 500;

const options: SpeakerOptions = JSON.parse(programOptions());
const bugs: string[] = [];
const quiet = { debug: () => {}, info: () => {}, warn: () => {} };
const logger = {
  ...quiet,
  error: (fields: object, message: string) => {
    bugs.push(`${message} ${JSON.stringify(fields)}`);
  },
};

const fastClock: Clock = {
  now: () => systemClock.now(),
  wallTime: () => systemClock.wallTime(),
  after: (delayMs, callback) => {
    const isTimer = delayMs >= shortestTimerMs;
    return systemClock.after(isTimer ? delayMs / hostileSpeed : delayMs, callback);
  },
};

function startSession(
  name: string,
  [peerAddress, peerPort]: readonly [Address, number],
  clock: Clock,
  peer: Partial<SessionPeer>,
): Session {
  const session = new Session({
    peer: {
      name,
      localAsn: 64522,
      peerAsn: 64512,
      peerAddress,
      peerPort,
      holdTimeSeconds: 90,
      connectTimeSeconds: 10,
      sendHoldTimeSeconds: 480,
      families: ["ipv4", "ipv6"],
      importLimit: 0,
      linkBandwidth: "auto",
      gracefulRestart: { restartTimeSeconds: 120 },
      ...peer,
    },
    node: { name: "node1", addresses: [nodeAddress] },
    clock,
    random: Math.random,
    transport: tcpTransport,
    logger,
    interfaces: () => [{ name: "eth0", addresses: [nodeAddress] }],
    uptimeSeconds: () => 1e6,
    onChange: () => {},
  });
  session.start();
  return session;
}

function reportOf(sessions: readonly Session[]): SessionReport {
  const statuses = sessions.map((session) => session.status());
  const sum = (count: (status: (typeof statuses)[number]) => number) =>
    statuses.reduce((total, status) => total + count(status), 0);
  return {
    established: sum(({ state }) => (state === "Established" ? 1 : 0)),
    sessionsLost: sum(({ counters }) => counters.sessionsLost),
    messagesReceived: sum(({ counters }) => counters.messagesReceived),
    notificationsSent: sum(({ counters }) => counters.notificationsSent),
    prefixesReceived: sum(({ counters }) => counters.prefixesReceived),
  };
}

const good = startSession("good", [loopback, options.goodPort], systemClock, {
  holdTimeSeconds: 3,
});
const hostile = new Map<string, Session>();
if (options.hostile !== undefined) {
  const { network, port, count } = options.hostile;
  for (let index = 0; index < count; index += 1) {
    const address = hostileAddress(network, index);
    const importLimit = index % 4 === 0 ? 10 : 0;
    const session = startSession(`hostile ${index}`, [address, port], fastClock, { importLimit });
    session.setRoutes(index % 8 === 0 ? manyRoutes : fewRoutes);
    hostile.set(address.text, session);
  }
  await BgpListener.start({
    address: listenAddress(network),
    port,
    logger,
    acceptorFor: (remote) => hostile.get(remote.text),
  });
}
const table =
  options.tablePort === undefined
    ? undefined
    : startSession("table", [loopback, options.tablePort], systemClock, {});
table?.setRoutes(fewRoutes);

/** One route says when it was last changed; the router compares that with its own clock. */
setInterval(() => {
  const med = Math.floor(performance.timeOrigin + performance.now()) % 2 ** 32;
  good.setRoutes([
    { ...route("192.0.2.0/32"), attributes: { ...plainAttributes, med } },
    ...fewRoutes,
  ]);
}, beaconEveryMs);

const delays = monitorEventLoopDelay({ resolution: 5 });
delays.enable();
let reports = 0;
setInterval(() => {
  reports += 1;
  const isCollected = reports % collectEvery === 0 && globalThis.gc !== undefined;
  if (isCollected) {
    globalThis.gc?.();
  }
  const memory = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  report({
    atMs: performance.now(),
    rssOctets: memory.rss,
    ...(isCollected && { liveOctets: memory.heapUsed + memory.external }),
    cpuMs: (user + system) / 1_000,
    longestTurnMs: delays.max / 1e6,
    good: reportOf([good]),
    ...(table && { table: reportOf([table]) }),
    hostile: reportOf([...hostile.values()]),
    bugs,
  } satisfies SpeakerReport);
  delays.reset();
}, reportEveryMs);
