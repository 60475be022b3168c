import { selectorMatches } from "../../cluster/selector.ts";
import { valueAt } from "../../config/manifest.ts";
import { selector } from "../../config/selector.ts";
import { isNull, type Tree } from "../../config/yaml-tree.ts";
import {
  asOurSelector,
  convertFields,
  type FieldTable,
  plain,
  selectors,
  textOf,
  texts,
  unlessZero,
  type Values,
} from "./field-table.ts";
import type { Remark } from "./loss.ts";
import { isZero, type MetallbObject } from "./metallb-object.ts";

const allocationKeys: ReadonlyMap<string, readonly [string, (tree: Tree) => unknown]> = new Map([
  ["priority", ["priority", unlessZero]],
  ["namespaces", ["namespaces", texts]],
  ["namespaceSelectors", ["namespace-selectors", selectors]],
  ["serviceSelectors", ["service-selectors", selectors]],
]);

function serviceAllocation(tree: Tree): unknown {
  if (tree.type !== "mapping") {
    return isNull(tree) ? undefined : textOf(tree);
  }
  const entries = tree.entries.map(({ key, value }): readonly [string, unknown] => {
    const known = allocationKeys.get(key);
    return known === undefined ? [key, textOf(value)] : [known[0], known[1](value)];
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** IPAddressPool. */
const poolTable: FieldTable = {
  addresses: { key: "addresses", value: texts },
  avoidBuggyIPs: { key: "avoid-buggy-ips", value: plain(false) },
  autoAssign: { key: "auto-assign", value: plain(true) },
  serviceAllocation: { key: "service-allocation", value: serviceAllocation },
};

/** What an advertisement says of routes: BGPAdvertisement, and AddressPool up to 0.13. */
const routeTable: FieldTable = {
  aggregationLength: { key: "aggregation-length", value: plain(32) },
  aggregationLengthV6: { key: "aggregation-length-v6", value: plain(128) },
  localPref: { key: "localpref", value: unlessZero },
  communities: { key: "communities", value: texts },
};

const advertisementTable: FieldTable = {
  ...routeTable,
  asPathPrepend: { key: "prepend", value: unlessZero },
  peers: { key: "peers", value: texts },
  nodeSelectors: { key: "node-selectors", value: selectors },
  serviceSelectors: { key: "service-selectors", value: selectors },
  ipAddressPools: "elsewhere",
  ipAddressPoolSelectors: "elsewhere",
};

interface Converted {
  readonly values: Values;
  readonly losses: readonly Remark[];
}

export function convertPool(object: MetallbObject): Converted {
  const { values, losses } = convertFields(object, poolTable);
  return { values: { name: object.name, protocol: "bgp", ...values }, losses };
}

export function convertAdvertisement(object: MetallbObject): Converted {
  return convertFields(object, advertisementTable);
}

/** AddressPool, which has its advertisements in it. */
export function convertAddressPool(
  object: MetallbObject,
): Converted & { readonly isLayer2: boolean; readonly advertisements: readonly Converted[] } {
  const { values, losses } = convertFields(object, {
    ...poolTable,
    protocol: "elsewhere",
    bgpAdvertisements: "elsewhere",
  });
  const advertisements = valueAt(object.spec, "bgpAdvertisements");
  const members = advertisements?.type === "sequence" ? advertisements.members : [];
  const protocol = valueAt(object.spec, "protocol");
  return {
    values: { name: object.name, protocol: "bgp", ...values },
    losses,
    isLayer2: protocol !== undefined && textOf(protocol) === "layer2",
    advertisements: members.flatMap((member) =>
      member.type === "mapping" ? [convertFields({ ...object, spec: member }, routeTable)] : [],
    ),
  };
}

/** Names and selectors of an advertisement's pools; both empty: all pools. */
export function selectsPool(advertisement: MetallbObject, pool: MetallbObject): boolean {
  const names = valueAt(advertisement.spec, "ipAddressPools");
  const selectorList = valueAt(advertisement.spec, "ipAddressPoolSelectors");
  if (isZero(names) && isZero(selectorList)) {
    return true;
  }
  return (
    poolNames(advertisement).includes(pool.name) ||
    (selectorList?.type === "sequence" &&
      selectorList.members.some((member) => matches(member, pool.labels)))
  );
}

export function poolNames({ spec }: MetallbObject): readonly string[] {
  const names = valueAt(spec, "ipAddressPools");
  return names?.type === "sequence" ? names.members.map(textOf) : [];
}

/** Of a label selector as Kubernetes writes it; an empty one matches everything. */
function matches(tree: Tree, labels: Readonly<Record<string, string>>): boolean {
  const read = selector(asOurSelector(tree), () => undefined);
  return read !== undefined && selectorMatches(read, labels);
}
