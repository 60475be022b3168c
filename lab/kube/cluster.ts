import { type Prefix, parsePrefix } from "../../src/net/prefix.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { Objects } from "./objects.ts";
import { Registry } from "./registry.ts";
import { ObjectStore } from "./store.ts";
import { ServiceAddresses } from "./strategy/service-addresses.ts";
import { makeStrategies } from "./strategy/strategies.ts";

export interface ClusterOptions {
  /** One or two CIDRs, the primary first; by default 10.96.0.0/16 and fd00:10:96::/112. */
  readonly serviceClusterIpRanges?: readonly string[];
  /** How many changes of each resource a watch may ask for again; 10,000 by default. */
  readonly historyLimit?: number;
  readonly clock: Pick<Clock, "wallTime">;
  /** Numbers from 0 to 1 for uids, suffixes, addresses and ports. */
  readonly random: () => number;
}

export interface Cluster {
  readonly registry: Registry;
  readonly objects: Objects;
}

export const defaultServiceRanges = ["10.96.0.0/16", "fd00:10:96::/112"];
const defaultNamespaces = ["default", "kube-node-lease", "kube-public", "kube-system"];

/**
 * The objects of a new cluster: the namespaces that every cluster has, and nothing else.
 *
 * @throws TypeError if a range is no CIDR
 */
export function makeCluster(options: ClusterOptions): Cluster {
  const { clock, random } = options;
  const store = new ObjectStore(options.historyLimit ?? 10_000);
  const ranges = (options.serviceClusterIpRanges ?? defaultServiceRanges).map(requirePrefix);
  const strategies = makeStrategies(new ServiceAddresses(store, ranges, random));
  const registry = new Registry({ store, strategies, clock, random });
  const objects = new Objects(registry, "lab-kube");
  for (const name of defaultNamespaces) {
    objects.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }
  return { registry, objects };
}

function requirePrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) {
    throw new TypeError(`${JSON.stringify(text)} is no CIDR`);
  }
  return prefix;
}
