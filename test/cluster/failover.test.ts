import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { scenario, workerNodes } from "../../lab/scenario.ts";
import { awaitGateways } from "../../lab/sights/routes.ts";
import { serviceHasAddress } from "../../lab/sights/service.ts";
import { Cluster } from "./cluster.ts";
import { annotatedNode, drainedEndpoint, removedNode } from "./failover/drains.ts";
import {
  apiOutage,
  brokenConfig,
  controllerRestart,
  nodesOneByOne,
  rollingUpdate,
  speakerUpdate,
} from "./failover/planned.ts";
import type { Scenario } from "./failover/scenario.ts";
import { Stream, type Watched } from "./failover/stream.ts";
import { formatTable } from "./failover/table.ts";
import {
  deadNodeByBfd,
  deadNodeByHoldTimer,
  routerRestart,
  speakerUpdateWithBfd,
} from "./failover/unplanned.ts";
import { promised, watchScenario } from "./failover/watch.ts";
import { formatRequests, ourRequests } from "./our-requests.ts";

const scenarios = [
  rollingUpdate,
  annotatedNode,
  removedNode,
  drainedEndpoint,
  speakerUpdate,
  controllerRestart,
  apiOutage,
  nodesOneByOne,
  brokenConfig,
  routerRestart,
  deadNodeByHoldTimer,
  deadNodeByBfd,
  speakerUpdateWithBfd,
];

const resources = new AsyncDisposableStack();
const watched = new Map<Scenario, Watched>();
let cluster: Cluster;
let stream: Stream;

before(async () => {
  cluster = resources.use(
    await Cluster.start({ id: "fail", proxyMode: "nftables", router: { bfd: true } }),
  );
  const { lab } = cluster;
  await serviceHasAddress.see(lab, () => undefined);
  await awaitGateways(
    lab,
    scenario.serviceAddress,
    workerNodes.map(({ address }) => address),
  );
  await lab.secondHopFollows();
  stream = await Stream.start(lab);
  resources.defer(() => stream.stop());
});

after(() => resources.disposeAsync());

for (const one of scenarios) {
  test(`${one.title}: ${promised[one.promise]}`, (context) =>
    cluster.look(context, () =>
      watchScenario(one, { cluster, stream }, (seen) => watched.set(one, seen)),
    ));
}

test("the API server refused none of our requests, those of a draining node included", (context) =>
  cluster.look(context, async () => {
    const used = await ourRequests(cluster);
    for (const request of [
      "list nodes",
      "watch nodes",
      "list pods",
      "watch pods",
      "get daemonsets",
    ]) {
      assert.ok(used.get("speaker")?.has(request), `no speaker did "${request}"`);
    }
    return formatRequests(used);
  }));

test("every scenario was watched", (context) => {
  for (const row of formatTable(watched).split("\n")) context.diagnostic(row);
  assert.equal(watched.size, scenarios.length);
});
