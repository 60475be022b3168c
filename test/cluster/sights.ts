import { after, before, suite, test } from "node:test";
import { nodeHalted } from "../../lab/sights/halt.ts";
import { localPolicy } from "../../lab/sights/local.ts";
import { requestsSpread, routerHasRoute, serviceHasAddress } from "../../lab/sights/service.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";

/** The five sights of the scenario, in order, on a cluster of their own. */
export function fiveSights(title: string, options: ClusterOptions): void {
  suite(title, () => {
    let cluster: Cluster | undefined;

    before(async () => {
      cluster = await Cluster.start(options);
    });

    after(() => cluster?.[Symbol.asyncDispose]());

    for (const sight of [
      serviceHasAddress,
      routerHasRoute,
      requestsSpread,
      nodeHalted,
      localPolicy,
    ]) {
      test(sight.title, (context) => cluster?.see(sight, context));
    }
  });
}
