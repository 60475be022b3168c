import { at, numberAt } from "../kube/json.ts";
import type { Lab } from "../lab.ts";
import { runIn } from "../namespaces.ts";
import {
  monitorFollows,
  readKernelRoutes,
  readRouterLog,
  type SessionChange,
  tellsOfSession,
} from "../route-log.ts";
import type { Router } from "../router.ts";
import { nodeAddress, workerNodes } from "../scenario.ts";
import type { RunningSite } from "../topology.ts";
import { sessionFamily } from "../variant.ts";
import type { View } from "../view.ts";
import { allDone, waitFor } from "../wait.ts";
import { type Account, formatAccount, settle } from "./account.ts";
import { setHoldTime } from "./hold-time.ts";
import { kernelGateways } from "./routes.ts";
import { formatSeconds, mustSee, type Sight } from "./sight.ts";
import { awaitRoutes, type Stream, startStreams } from "./streams.ts";
import { describeResults } from "./traffic.ts";

/** Both of a lab's routers, the one that something happens to and the one that nothing does. */
interface Pair {
  readonly struck: RunningSite;
  readonly other: RunningSite;
}

/** What happens to one router. */
interface Blow {
  /** Resolves when it is over; `enough` resolves when it has lasted long enough. */
  readonly strike: (enough: () => Promise<void>) => Promise<Struck>;
  /** What that router's log must tell of the session with each node. */
  readonly logged: readonly SessionChange[];
  /** @throws NotSeenError if what became of the requests through that router is not what must be */
  readonly judge: (account: Account) => void;
}

interface Struck {
  /** What was seen. */
  readonly said: string;
  /** When the kernel's routes were gone with its links: of IPv4 no monitor tells that. */
  readonly goneMs?: number;
}

const fewestRequests = 500;
const holdTimeSeconds = 3;

/** Of two routers, one loses its power and comes back. */
export const routerRestarted: Sight = {
  title: `one of two routers restarts (hold-time: ${holdTimeSeconds}s): what goes through the other one loses nothing`,
  async see(lab, show) {
    const pair = pairOf(lab);
    await setHoldTime(lab, holdTimeSeconds, show);
    return besides(lab, pair, {
      async strike(enough) {
        const offMs = Date.now();
        await lab.topology.powerOff(pair.struck);
        await seeNoRoute(lab, pair.struck);
        const goneMs = Date.now();
        await awaitSessionState(lab, pair.struck, 0);
        await enough();
        await lab.topology.powerOn(pair.struck);
        const away = formatSeconds(Date.now() - offMs);
        return { said: `${pair.struck.site.name} was away for ${away}`, goneMs };
      },
      logged: ["Up"],
      judge: () => undefined,
    });
  },
};

/** Of two routers, one does not answer any more, though its connections stand. */
export const routerHung: Sight = {
  title: `one of two routers hangs (SIGSTOP of its bgpd): what goes through the other one loses nothing`,
  async see(lab, show) {
    const pair = pairOf(lab);
    await setHoldTime(lab, holdTimeSeconds, show);
    return besides(lab, pair, {
      async strike(enough) {
        const { router, site } = pair.struck;
        const stopMs = Date.now();
        router.signal("bgpd", "SIGSTOP");
        try {
          await awaitSessionState(lab, pair.struck, 0);
          const closed = formatSeconds(Date.now() - stopMs);
          await enough();
          return { said: `${site.name} hung, its sessions were closed after ${closed}` };
        } finally {
          router.signal("bgpd", "SIGCONT");
        }
      },
      logged: ["Down", "Up"],
      judge({ failed }) {
        const lost = failed.before.length;
        mustSee(lost === 0, `its kernel did not forward on while its bgpd hung: ${lost} lost`);
      },
    });
  },
};

function pairOf(lab: Lab): Pair {
  const [other, struck] = lab.topology.sites;
  if (struck === undefined) throw new RangeError("a lab with one router");
  return { other, struck };
}

/**
 * Strikes under requests through both routers, waits until the router that was struck has all
 * sessions and routes again, and sees that the other one noticed nothing.
 */
async function besides(lab: Lab, pair: Pair, blow: Blow): Promise<string> {
  const sessionsBefore = await sessionHistory(lab, pair.other.router);
  const streams = await startStreams(lab);
  const before = await allDone(
    lab.views.map(({ address, router }) => kernelGateways(lab, address, router)),
  );
  const fromMs = Date.now();
  const throughOther = streams.filter(({ view }) => view.router === pair.other.router);
  const { said, goneMs } = await blow.strike(() => enoughRequests(throughOther, fromMs));
  await awaitSessionState(lab, pair.struck, 1);
  await lab.awaitSessions(workerNodes.length);
  await awaitRoutes(lab);
  const tookMs = Date.now() - fromMs;
  await enoughRequests(streams, fromMs);
  const window = { fromMs, toMs: Date.now() };
  const results = await allDone(streams.map(({ probe }) => probe.finish()));
  const sessionsAfter = await sessionHistory(lab, pair.other.router);
  mustSee(
    sessionsAfter === sessionsBefore,
    `sessions with ${pair.other.site.name}: ${sessionsBefore} before, ${sessionsAfter} after`,
  );
  await allDone(lab.topology.sites.map(({ router }) => monitorFollows(router)));
  const seen: string[] = [];
  for (const [index, { view }] of streams.entries()) {
    const isStruck = view.router === pair.struck.router;
    const monitored = await readKernelRoutes(view.router, view.address, fromMs);
    const gone = isStruck && goneMs !== undefined ? [{ atMs: goneMs, gateways: [] }] : [];
    const changes = [...gone, ...monitored].toSorted((a, b) => a.atMs - b.atMs);
    const account = settle(results[index] ?? [], before[index] ?? [], changes, window);
    const told = `${view.label}: ${formatAccount(account, fromMs)}`;
    if (isStruck) seeBlow(blow, view, account, told);
    else seeNothing(account, told, fromMs);
    seen.push(told);
  }
  await seeLogged(lab, pair.struck.router, blow, fromMs);
  return (
    `${said}, all was back after ${formatSeconds(tookMs)}; ` +
    `sessions with ${pair.other.site.name} untouched; ${seen.join("; ")}`
  );
}

async function seeNoRoute(lab: Lab, { router }: RunningSite): Promise<void> {
  for (const view of lab.views.filter((one) => one.router === router)) {
    const gateways = await kernelGateways(lab, view.address, router);
    mustSee(gateways === undefined, `${view.label} kept the route in its kernel`);
  }
}

/** @throws NotSeenError unless all requests were answered and the kernel's route never changed */
function seeNothing({ failed, nextHops }: Account, told: string, fromMs: number): void {
  const lost = Object.values(failed).flat();
  mustSee(nextHops.length === 1, `the route changed: ${told}`);
  mustSee(lost.length === 0, `${told}: ${describeResults(lost, fromMs)}`);
}

/** @throws NotSeenError unless all of the route is back, and the rest as the blow has it */
function seeBlow({ judge }: Blow, { gateways }: View, account: Account, told: string): void {
  const last = account.nextHops.at(-1)?.gateways ?? [];
  mustSee(last.length === gateways.length, `not all next hops came back: ${told}`);
  judge(account);
}

/** @throws NotSeenError unless the router's log tells of every session what it must */
async function seeLogged(lab: Lab, router: Router, { logged }: Blow, fromMs: number) {
  const log = await readRouterLog(router, fromMs);
  for (const node of workerNodes) {
    const peer = nodeAddress(node, sessionFamily(lab.variant));
    for (const change of logged) {
      const isTold = tellsOfSession(log, peer, change);
      mustSee(isTold, `the log of ${router.namespace} has no ${change} of ${node.name}`);
    }
  }
}

/** Waits until enough requests of each stream are over to tell that none is lost. */
async function enoughRequests(streams: readonly Stream[], sinceMs: number): Promise<void> {
  await allDone(
    streams.map(({ view, probe }) =>
      waitFor(
        async () => {
          const since = (await probe.soFar()).filter(({ startMs }) => startMs >= sinceMs);
          return since.length >= fewestRequests || undefined;
        },
        {
          what: `${fewestRequests} requests through ${view.label}`,
          timeoutMs: 120_000,
          intervalMs: 200,
        },
      ),
    ),
  );
}

/** How often each of the router's sessions came up and went down. */
async function sessionHistory(lab: Lab, router: Router): Promise<string> {
  const neighbors = await router.vtyshJson("show bgp neighbors json");
  return workerNodes
    .map((node) => {
      const neighbor = at(neighbors, nodeAddress(node, sessionFamily(lab.variant)));
      const [up, down] = ["connectionsEstablished", "connectionsDropped"].map((name) =>
        numberAt(neighbor, name),
      );
      return `${node.name} up ${up} down ${down}`;
    })
    .join(", ");
}

/** Waits until every speaker's metrics say of its session with this router: 1 up, 0 down. */
async function awaitSessionState(lab: Lab, { site }: RunningSite, state: 0 | 1): Promise<void> {
  const line = `routelb_bgp_session_up{peer="${site.name}"} ${state}`;
  await allDone(
    workerNodes.map((node) =>
      waitFor(
        async () => {
          const url = `http://${node.address}:7472/metrics`;
          const text = await runIn(lab.topology.node(node.name), "curl", ["-sS", "-m", "5", url]);
          return text.split("\n").includes(line) || undefined;
        },
        { what: `${line} on ${node.name}`, timeoutMs: 120_000, intervalMs: 100 },
      ),
    ),
  );
}
