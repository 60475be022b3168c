import type { Lab } from "../lab.ts";
import type { LogEntry } from "../route-log.ts";
import { readKernelRoutes, routerLogged } from "../route-log.ts";
import type { Router } from "../router.ts";
import { nodeAddress, type ScenarioNode, workerNodes } from "../scenario.ts";
import { sessionFamily } from "../variant.ts";
import { eachView, hostPrefix, type View } from "../view.ts";
import { allDone, waitFor } from "../wait.ts";
import { bgpPaths, gatewayChanged } from "./routes.ts";
import { formatSeconds, mustSee, type Sight } from "./sight.ts";
import { awaitRoutes, startStreams } from "./streams.ts";
import { describeResults, formatFailures, unexcused } from "./traffic.ts";

/** Sight 4, first way: SIGTERM to every process of the node, then its link goes down. */
export const nodeHalted: Sight = {
  title: "a node is halted (SIGTERM to all its processes, then its link down) and comes back",
  async see(lab, show) {
    const node = workerNodes[2] ?? workerNodes[0];
    if (node === undefined) throw new Error("no worker node");
    const streams = await startStreams(lab);
    const fromMs = Date.now();
    const [{ termMs, downMs }] = await allDone([
      lab.halt(node.name),
      eachView(lab.views, (view) => seeDrain(lab, view, node)),
    ]);
    const goodbyes = await allDone(
      lab.topology.sites.map(({ router }) => seeGoodbye(lab, router, node, fromMs)),
    );
    await waitFor(
      async () =>
        /NotReady/.test(await lab.kubectl.run("get", "node", node.name)) ? true : undefined,
      { what: `${node.name} is NotReady`, timeoutMs: 20_000, intervalMs: 200 },
    );
    show(`kubectl get nodes, ${node.name} halted`, await lab.kubectl.run("get", "nodes"));
    show("show bgp summary", await lab.topology.router.vtysh("show bgp summary"));
    const bootMs = Date.now();
    await lab.boot(node.name);
    await awaitRoutes(lab);
    const results = await allDone(streams.map(({ probe }) => probe.finish()));
    const seen = await eachView(lab.views, async (view) => {
      const { address, family, router } = view;
      const gateway = nodeAddress(node, family);
      const left = await gatewayChanged(lab, address, "left", { gateway, fromMs }, router);
      const back = await gatewayChanged(lab, address, "came", { gateway, fromMs: bootMs }, router);
      const own = results[lab.views.indexOf(view)] ?? [];
      const changes = await readKernelRoutes(router, address, fromMs);
      const changesMs = changes.map((change) => change.atMs);
      const ahead = downMs - left.atMs;
      const lost = unexcused(own, [], changesMs);
      mustSee(ahead >= 0, `next hop ${gateway} left ${formatSeconds(-ahead)} after the link`);
      mustSee(
        lost.length === 0,
        `${formatFailures(own)}; unexcused: ${describeResults(lost, termMs)} after SIGTERM`,
      );
      return (
        `next hop ${gateway} out of the kernel ${formatSeconds(left.atMs - termMs)} after ` +
        `SIGTERM and ${formatSeconds(ahead)} before its link went down; ` +
        `back ${formatSeconds(back.atMs - bootMs)} after power on; ${formatFailures(own)}`
      );
    });
    for (const goodbye of goodbyes) {
      mustSee(
        /6\/2 \(Cease\/Administrative Shutdown\)/.test(goodbye.text),
        `the router's log says: ${goodbye.text}`,
      );
    }
    return `${node.name}: GRACEFUL_SHUTDOWN with localpref 0, Cease/Administrative Shutdown; ${seen}`;
  },
};

/**
 * Before it withdraws, the node asks the router to prefer others: by the community, and towards an
 * internal peer, which does not act on that, by LOCAL_PREF 0 as well (RFC 8326 §4).
 */
async function seeDrain(lab: Lab, { router, address, family }: View, node: ScenarioNode) {
  const nextHop = nodeAddress(node, family);
  return waitFor(
    async () => {
      const paths = await bgpPaths(lab, hostPrefix(address), router);
      const path = paths.find((one) => one.nextHop === nextHop);
      const isDraining = path?.localPref === 0 && path.communities.includes("gracefulShutdown");
      return isDraining ? nextHop : undefined;
    },
    { what: `${nextHop} drains ${address}`, timeoutMs: 20_000, intervalMs: 100 },
  );
}

async function seeGoodbye(
  lab: Lab,
  router: Router,
  node: ScenarioNode,
  fromMs: number,
): Promise<LogEntry> {
  const peer = nodeAddress(node, sessionFamily(lab.variant));
  return routerLogged(
    router,
    new RegExp(String.raw`NOTIFICATION: received from neighbor ${peer} `),
    { fromMs, timeoutMs: 5_000 },
  );
}
