import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BareCluster } from "../bare-cluster.ts";
import { addressesOf, conditionOf, type Objects } from "./objects.ts";
import { Replica } from "./replica.ts";

const own = "routelb.io/own";
const classes = { foreign: "example.com/other", classless: undefined, own } as const;
type Name = keyof typeof classes;
const names = Object.keys(classes) as readonly Name[];

/** Flags of the controller, and the Services that it serves. */
const rows: readonly { readonly flags: readonly string[]; readonly served: readonly Name[] }[] = [
  { flags: [`--lb-class=${own}`], served: ["own"] },
  { flags: [`--lb-class=${own}`, "--default-class"], served: ["classless", "own"] },
];

/** Which Services are ours, where the controller has a class: nobody else leads meanwhile. */
export function classRules(
  world: () => { readonly cluster: BareCluster; readonly objects: Objects },
): void {
  describe("a class of our own, on a real API server", { timeout: 120_000 }, () => {
    for (const { flags, served } of rows) {
      test(`${flags.join(" ")} serves ${served.join(" and ")}`, async () => {
        const { cluster, objects } = world();
        await using _ = await Replica.start(cluster, "class", { flags });
        for (const name of names) {
          const loadBalancerClass = classes[name];
          await objects.create(name, loadBalancerClass === undefined ? {} : { loadBalancerClass });
        }
        for (const [index, name] of served.entries()) {
          await objects.untilAddress(name, `10.0.0.${index}`);
        }
        for (const name of names.filter((one) => !served.includes(one))) {
          const service = await objects.get(name);
          assert.deepEqual([addressesOf(service), conditionOf(service)], ["", undefined], name);
        }
        for (const name of names) await objects.remove(name);
      });
    }
  });
}
