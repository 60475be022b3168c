import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { scenario, workerNodes } from "../../lab/scenario.ts";
import { awaitGateways } from "../../lab/sights/routes.ts";
import { serviceHasAddress } from "../../lab/sights/service.ts";
import { formatSeconds } from "../../lab/sights/sight.ts";
import { describeResults } from "../../lab/sights/traffic.ts";
import { Cluster } from "./cluster.ts";
import {
  annotatedNode,
  apiOutage,
  brokenConfig,
  controllerRestart,
  nodesOneByOne,
  removedNode,
  rollingUpdate,
  speakerUpdate,
} from "./failover/planned.ts";
import type { Promised, Scenario } from "./failover/scenario.ts";
import { Stream, type Watched } from "./failover/stream.ts";
import { formatTable } from "./failover/table.ts";
import {
  deadNodeByBfd,
  deadNodeByHoldTimer,
  routerRestart,
  speakerUpdateWithBfd,
} from "./failover/unplanned.ts";
import { formatRequests, ourRequests } from "./our-requests.ts";

const scenarios = [
  rollingUpdate,
  annotatedNode,
  removedNode,
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

const promised: Readonly<Record<Promised, string>> = {
  "nothing-new": "no new connection is lost",
  "nothing-after": "no connection is lost that begins after the next hop left",
  reported: "what it costs",
};

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
    cluster.look(context, async () => {
      try {
        await one.prepare?.(cluster);
        return await watch(one);
      } finally {
        await one.restore?.(cluster);
      }
    }));
}

async function watch(one: Scenario): Promise<string> {
  let said = "";
  const seen = await stream.during(async (fromMs) => {
    said = await one.happen(cluster, fromMs);
  });
  watched.set(one, seen);
  one.seenBy(seen);
  assertPromise(one, seen);
  return `${said}; ${formatSeconds(Date.now() - seen.fromMs)}`;
}

function assertPromise({ promise }: Scenario, { failed, fromMs }: Watched): void {
  const broken = {
    "nothing-new": [...failed.after, ...failed.before],
    "nothing-after": failed.after,
    reported: [],
  }[promise];
  assert.deepEqual(broken, [], describeResults(broken, fromMs));
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
