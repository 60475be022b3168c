import { at, numberAt } from "../kube/json.ts";
import type { Lab } from "../lab.ts";
import { runIn } from "../namespaces.ts";
import { answered } from "../probe.ts";
import { readKernelRoutes } from "../route-log.ts";
import type { Router } from "../router.ts";
import { nodeAddress, workerNodes } from "../scenario.ts";
import type { RunningSite } from "../topology.ts";
import { sessionFamily } from "../variant.ts";
import type { View } from "../view.ts";
import { allDone, waitFor } from "../wait.ts";
import { setHoldTime } from "./hold-time.ts";
import { kernelGateways } from "./routes.ts";
import { formatSeconds, mustSee, type Sight } from "./sight.ts";
import { awaitRoutes, type Stream, startStreams } from "./streams.ts";
import { describeResults, formatFailures } from "./traffic.ts";

/** Both of a lab's routers, the one that something happens to and the one that nothing does. */
interface Pair {
  readonly struck: RunningSite;
  readonly other: RunningSite;
}

const fewestRequests = 500;
const holdTimeSeconds = 3;

/** Of two routers, one loses its power and comes back. */
export const routerRestarted: Sight = {
  title: `one of two routers restarts (hold-time: ${holdTimeSeconds}s): what goes through the other one loses nothing`,
  async see(lab, show) {
    const pair = pairOf(lab);
    await setHoldTime(lab, holdTimeSeconds, show);
    return besides(lab, pair, async (enough) => {
      const offMs = Date.now();
      await lab.topology.powerOff(pair.struck);
      await awaitSessionState(lab, pair.struck, 0);
      await enough();
      mustSee(
        (await kernelGateways(lab, lab.views[0].address, pair.struck.router)) === undefined,
        "the router that restarts kept the route in its kernel",
      );
      await lab.topology.powerOn(pair.struck);
      return `${pair.struck.site.name} was away for ${formatSeconds(Date.now() - offMs)}`;
    });
  },
};

/** Of two routers, one does not answer any more, though its connections stand. */
export const routerHung: Sight = {
  title: `one of two routers hangs (SIGSTOP of its bgpd): what goes through the other one loses nothing`,
  async see(lab, show) {
    const pair = pairOf(lab);
    await setHoldTime(lab, holdTimeSeconds, show);
    return besides(lab, pair, async (enough) => {
      const { router, site } = pair.struck;
      const stopMs = Date.now();
      router.signal("bgpd", "SIGSTOP");
      try {
        await awaitSessionState(lab, pair.struck, 0);
        const closedMs = Date.now();
        await enough();
        return `${site.name} hung, its sessions were closed after ${formatSeconds(closedMs - stopMs)}`;
      } finally {
        router.signal("bgpd", "SIGCONT");
      }
    });
  },
};

function pairOf(lab: Lab): Pair {
  const [other, struck] = lab.topology.sites;
  if (struck === undefined) throw new RangeError("a lab with one router");
  return { other, struck };
}

/**
 * Runs `strike` under requests through both routers, waits until the router that it struck has all
 * sessions and routes again, and sees that the other one noticed nothing. `enough` tells `strike`
 * when its blow has lasted for enough requests.
 */
async function besides(
  lab: Lab,
  pair: Pair,
  strike: (enough: () => Promise<void>) => Promise<string>,
): Promise<string> {
  const sessionsBefore = await sessionHistory(lab, pair.other.router);
  const streams = await startStreams(lab);
  const fromMs = Date.now();
  const said = await strike(() => enoughRequests(streams, pair.other.router));
  await awaitSessionState(lab, pair.struck, 1);
  await lab.awaitSessions(workerNodes.length);
  await awaitRoutes(lab);
  const tookMs = Date.now() - fromMs;
  const results = await allDone(streams.map(({ probe }) => probe.finish()));
  const sessionsAfter = await sessionHistory(lab, pair.other.router);
  mustSee(
    sessionsAfter === sessionsBefore,
    `sessions with ${pair.other.site.name}: ${sessionsBefore} before, ${sessionsAfter} after`,
  );
  const seen: string[] = [];
  for (const [index, { view }] of streams.entries()) {
    const own = results[index] ?? [];
    if (view.router === pair.other.router) await seeNothing(view, own, fromMs);
    seen.push(`${view.label}: ${formatFailures(own)}`);
  }
  return (
    `${said}, all was back after ${formatSeconds(tookMs)}; ` +
    `sessions with ${pair.other.site.name} untouched; ${seen.join("; ")}`
  );
}

/** @throws NotSeenError unless all requests were answered and the kernel's route never changed */
async function seeNothing(
  { label, address, router }: View,
  results: Parameters<typeof answered>[0],
  fromMs: number,
): Promise<void> {
  const changes = await readKernelRoutes(router, address, fromMs);
  const requests = `${label}: ${formatFailures(results)}`;
  mustSee(changes.length === 0, `${label}: the route changed ${changes.length} times`);
  mustSee(
    answered(results).length === results.length,
    `${requests}: ${describeResults(
      results.filter(({ outcome }) => outcome !== "200"),
      fromMs,
    )}`,
  );
}

/** Waits until enough requests through `router` are over to tell that none is lost. */
async function enoughRequests(streams: readonly Stream[], router: Router): Promise<void> {
  await allDone(
    streams
      .filter(({ view }) => view.router === router)
      .map(({ view, probe }) =>
        waitFor(async () => (await probe.soFar()).length >= fewestRequests || undefined, {
          what: `${fewestRequests} requests through ${view.label}`,
          timeoutMs: 120_000,
          intervalMs: 200,
        }),
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
