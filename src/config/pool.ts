import type { AddressRange } from "../net/range.ts";
import { addressRange } from "./address.ts";
import {
  advertisementReader,
  communityList,
  defaultAdvertisement,
  mostPrepends,
  type References,
} from "./advertisement.ts";
import { checkAdvertisements } from "./advertisement-conflict.ts";
import { checkLocalPref } from "./beside-metallb.ts";
import {
  boolean,
  type Fields,
  isComplete,
  listOf,
  oneOf,
  type Placed,
  parsedText,
  placed,
  type Reader,
  readFields,
  text,
  wholeNumber,
} from "./fields.ts";
import { type Report, shown } from "./finding.ts";
import type {
  AdvertisementConfig,
  Layer2Pool,
  PoolConfig,
  ServiceAllocation,
  ServiceAnnotationLimits,
} from "./model.ts";
import { keys } from "./schema.ts";
import { isDnsLabel, selector } from "./selector.ts";

type PoolFields = Fields<(typeof keys.pool)[number]>;

/** What could be read of an entry of `address-pools`, for rules that look at several pools. */
export interface PoolDraft {
  readonly name: Placed<string> | undefined;
  readonly ranges: readonly Placed<AddressRange>[];
  /** undefined if something is wrong, and reported. */
  readonly pool:
    | { readonly protocol: "bgp"; readonly config: PoolConfig }
    | { readonly protocol: "layer2"; readonly config: Layer2Pool }
    | undefined;
}

/** Reads one entry of `address-pools`. */
export function poolReader(
  references: References,
  layer2: "error" | "leave-out",
): Reader<PoolDraft> {
  return (tree, report) => {
    const fields = readFields(tree, keys.pool, report);
    if (fields === undefined) {
      return undefined;
    }
    const name = fields.required("name", placed(text), "a name of your choice");
    const protocol = fields.required("protocol", protocolReader, "write bgp");
    const addresses = fields.required(
      "addresses",
      addressList,
      "write a list of networks or ranges",
    );
    const ranges = addresses ?? [];
    const values = ranges.map((range) => range.value);
    const settings = readSettings(fields, references, report);
    const pool = { name: name?.value ?? "", ranges: values };
    if (protocol === "layer2") {
      reportLayer2(fields, layer2, report);
      return { name, ranges, pool: { protocol, config: pool } };
    }
    const advertisements = readAdvertisements(values, fields, references, report);
    if (settings === undefined || advertisements === undefined) {
      return { name, ranges, pool: undefined };
    }
    const config = { ...pool, ...settings, advertisements };
    checkCommunityOctets(config, fields, report);
    return { name, ranges, pool: { protocol: "bgp", config } };
  };
}

const protocolReader: Reader<"bgp" | "layer2"> = (tree, report) => {
  const value = text(tree, report);
  if (value === undefined || value === "bgp" || value === "layer2") {
    return value;
  }
  report(tree, `${shown(value)} is not a protocol: write bgp`);
  return undefined;
};

const addressList: Reader<Placed<AddressRange>[]> = (tree, report) => {
  if (tree.type === "sequence" && tree.members.length === 0) {
    report(tree, "is empty: a pool needs at least one network or range");
  }
  return listOf(placed(addressRange))(tree, report);
};

function reportLayer2(fields: PoolFields, layer2: "error" | "leave-out", report: Report): void {
  if (fields.isPresent("bgp-advertisements")) {
    report(fields.placeOf("bgp-advertisements"), "a layer2 pool takes none: remove them");
  }
  const cure = "make it bgp, or leave the pool to another load balancer";
  if (layer2 === "error") {
    report(fields.placeOf("protocol"), `layer2 is not supported: ${cure}`);
  } else {
    report(
      fields.placeOf("protocol"),
      `layer2 is not supported; this pool is left out and its Services are left untouched: ${cure}`,
      "warning",
    );
  }
}

const sharings = ["cluster", "namespace"] as const;
const community16 = wholeNumber({
  min: 0,
  max: 65535,
  what: "the first half of a community is 0 to 65535",
});

/** What a pool has besides its name, its addresses and its advertisements. */
function readSettings(
  fields: PoolFields,
  references: References,
  report: Report,
): Omit<PoolConfig, "name" | "ranges" | "advertisements"> | undefined {
  const pool = {
    avoidBuggyIps: fields.withDefault("avoid-buggy-ips", boolean, false),
    autoAssign: fields.withDefault("auto-assign", boolean, true),
    sharing: fields.withDefault("sharing", oneOf(sharings), "cluster"),
    weights: fields.withDefault("weights", boolean, false),
    serviceAnnotations: fields.withDefault(
      "service-annotations",
      serviceAnnotationsReader(references),
      { communities: [] },
    ),
  };
  const serviceAllocation = fields.optional("service-allocation", serviceAllocationReader);
  const weightCommunity = fields.optional("weight-community", community16);
  if (weightCommunity !== undefined && pool.weights === false) {
    report(
      fields.placeOf("weight-community"),
      "has no effect without weights: true in this pool",
      "warning",
    );
  }
  if (!isComplete(pool)) {
    return undefined;
  }
  return {
    ...pool,
    ...(serviceAllocation === undefined ? {} : { serviceAllocation }),
    ...(weightCommunity === undefined ? {} : { weightCommunity }),
  };
}

function readAdvertisements(
  ranges: readonly AddressRange[],
  fields: PoolFields,
  references: References,
  report: Report,
): readonly AdvertisementConfig[] | undefined {
  const read = listOf(advertisementReader(ranges, references));
  const advertisements = fields.withDefault("bgp-advertisements", read, []);
  if (advertisements === undefined) {
    return undefined;
  }
  checkAdvertisements(advertisements, ranges, report);
  const place = fields.placeOf("bgp-advertisements");
  checkLocalPref(advertisements, place, references.unevenPeers, report);
  return advertisements.length === 0
    ? [defaultAdvertisement]
    : advertisements.map((advertisement) => advertisement.value);
}

/**
 * What communities may take of an UPDATE of 4,096 octets (RFC 4271 §4.1), so that one route with the
 * longest AS_PATH that we send, and all else, always fits.
 */
const mostCommunityOctets = 2800;

/** MetalLB accepts more communities than it can send, and then sends nothing at all. */
function checkCommunityOctets(config: PoolConfig, fields: PoolFields, report: Report): void {
  const communities = [config.serviceAnnotations, ...config.advertisements].flatMap(
    (source) => source.communities,
  );
  const octets = communities.reduce((sum, { type }) => sum + (type === "large" ? 12 : 4), 0);
  if (octets > mostCommunityOctets) {
    const why = `${communities.length} communities of this pool take ${octets} octets`;
    report(
      fields.placeOf("bgp-advertisements"),
      `the ${why}: an UPDATE has room for ${mostCommunityOctets}, 4 for each or 12 for a large one`,
    );
  }
}

const priorityReader = wholeNumber({
  min: 0,
  max: 4294967295,
  what: "a priority is 1 to 4294967295, low ones first; 0 is last",
});

const namespaceName: Reader<string> = (tree, report) => {
  const name = text(tree, report);
  if (name !== undefined && !isDnsLabel(name)) {
    report(tree, `${shown(name)} is no name of a namespace: a-z, 0-9 and -, 63 at most`);
  }
  return name;
};

const serviceAllocationReader: Reader<ServiceAllocation> = (tree, report) => {
  const fields = readFields(tree, keys.serviceAllocation, report);
  const allocation = fields && {
    priority: fields.withDefault("priority", priorityReader, 0),
    namespaces: fields.withDefault("namespaces", listOf(namespaceName), []),
    namespaceSelectors: fields.withDefault("namespace-selectors", listOf(selector), []),
    serviceSelectors: fields.withDefault("service-selectors", listOf(selector), []),
  };
  return allocation !== undefined && isComplete(allocation) ? allocation : undefined;
};

interface Interval {
  readonly min: number;
  readonly max: number;
}

function intervalReader(limit: number, example: string): Reader<Interval> {
  const rule = `write the lowest and highest number of 0 to ${limit} that is allowed, as in ${example}`;
  return parsedText((value) => {
    const match = /^(\d{1,10}) *- *(\d{1,10})$/.exec(value);
    const [min, max] = [Number(match?.[1]), Number(match?.[2])];
    return min <= max && max <= limit ? { min, max } : undefined;
  }, rule);
}

const medInterval = intervalReader(4294967295, "0-100");
const prependInterval = intervalReader(mostPrepends, "0-3");

function serviceAnnotationsReader(references: References): Reader<ServiceAnnotationLimits> {
  return (tree, report) => {
    const fields = readFields(tree, keys.serviceAnnotations, report);
    const communities = fields?.withDefault("communities", communityList(references), []);
    const med = fields?.optional("med", medInterval);
    const prepend = fields?.optional("prepend", prependInterval);
    return communities === undefined
      ? undefined
      : {
          communities,
          ...(med === undefined ? {} : { med }),
          ...(prepend === undefined ? {} : { prepend }),
        };
  };
}
