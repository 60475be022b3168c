import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { formatAccount } from "../../lab/sights/account.ts";
import { linkCut } from "../../lab/sights/cut.ts";
import { nodeHalted } from "../../lab/sights/halt.ts";
import { localPolicy } from "../../lab/sights/local.ts";
import { requestsSpread, routerHasRoute, serviceHasAddress } from "../../lab/sights/service.ts";
import {
  connectionsForgotten,
  connectionsReset,
  serverRestarted,
  tokensRotated,
} from "./api-faults.ts";
import { type Claim, claimOf } from "./claim.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { rollingUpdate } from "./failover/planned.ts";
import { Stream, type Watched } from "./failover/stream.ts";
import { promised, watchScenario } from "./failover/watch.ts";
import { medianUnderASecond, thousandServices } from "./many-services.ts";
import { formatRequests, ourRequests } from "./our-requests.ts";

/** The promise about a Service that is `Local`, while the Pods behind it are replaced. */
const localUnderRollingUpdate: Claim = {
  title: `${rollingUpdate.title}: ${promised[rollingUpdate.promise]}`,
  async see(cluster) {
    const stream = await Stream.start(cluster.lab);
    const watched: Watched[] = [];
    try {
      const said = await watchScenario(rollingUpdate, { cluster, stream }, (one) =>
        watched.push(one),
      );
      return [said, ...watched.map((one) => formatAccount(one, one.fromMs))].join("; ");
    } finally {
      await stream.stop();
    }
  },
};

/** Ends the API server: the last one. */
const nothingRefused: Claim = {
  title: "the API server refused none of our requests",
  see: async (cluster) => formatRequests(await ourRequests(cluster)),
};

const claims: readonly Claim[] = [
  ...[serviceHasAddress, routerHasRoute, requestsSpread, nodeHalted, linkCut, localPolicy].map(
    claimOf,
  ),
  localUnderRollingUpdate,
  serverRestarted,
  tokensRotated,
  connectionsReset,
  connectionsForgotten,
  medianUnderASecond,
  thousandServices,
  nothingRefused,
];

/** All that must be seen of the scenario on real Kubernetes, in order, on a cluster of its own. */
export function wholeScenario(title: string, options: ClusterOptions): void {
  suite(title, () => {
    let started: Cluster | undefined;

    before(async () => {
      started = await Cluster.start(options);
    });

    after(() => started?.[Symbol.asyncDispose]());

    for (const claim of claims) {
      test(claim.title, (context) => {
        const cluster = started;
        assert.ok(cluster, "the cluster did not start");
        return cluster.look(context, () => claim.see(cluster));
      });
    }
  });
}
