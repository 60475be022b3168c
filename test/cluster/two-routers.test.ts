import { after, before, test } from "node:test";
import { scenario } from "../../lab/scenario.ts";
import { routerHung, routerRestarted } from "../../lab/sights/second-router.ts";
import { routerHasRoute, serviceHasAddress } from "../../lab/sights/service.ts";
import { plainVariant } from "../../lab/variant.ts";
import { Cluster } from "./cluster.ts";

let cluster: Cluster;

before(async () => {
  cluster = await Cluster.start({
    id: "two",
    variant: { ...plainVariant, sites: scenario.sites },
  });
});

after(() => cluster?.[Symbol.asyncDispose]());

// Each router has all routes; what goes through the one loses nothing by what befalls the other.
for (const sight of [serviceHasAddress, routerHasRoute, routerRestarted, routerHung]) {
  test(`two routers: ${sight.title}`, (context) => cluster.see(sight, context));
}
