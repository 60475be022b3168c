import { type AddressFamily, addressBits } from "../net/address.ts";
import { type AddressRange, rangePrefixes } from "../net/range.ts";
import { parseCommunity, wellKnownNames } from "./community.ts";
import {
  boolean,
  type Fields,
  isComplete,
  listOf,
  nonEmptyText,
  parsedText,
  placed,
  type Reader,
  readFields,
  text,
  wholeNumber,
} from "./fields.ts";
import { type Place, type Report, shown } from "./finding.ts";
import type { AdvertisementConfig, Community, Selector } from "./model.ts";
import { nearestWord } from "./nearest.ts";
import { keys } from "./schema.ts";
import { selectorList } from "./selector.ts";
import type { Tree } from "./yaml-tree.ts";

/** An AS_SEQUENCE holds 255 numbers (RFC 4271 §4.3), of which one is ours anyway. */
export const mostPrepends = 254;

/** What a pool's entries may refer to. */
export interface References {
  /** `bgp-communities`: undefined is an alias with an error, which was reported. */
  readonly communities: ReadonlyMap<string, Community | undefined>;
  /** `unknown` if an entry of `peers` has an error, so that some names are not known. */
  readonly peers: ReadonlySet<string> | "unknown";
  readonly ambiguousPeers: ReadonlySet<string>;
  /** Peers to which MetalLB's default LOCAL_PREF differs from ours, while it speaks beside us. */
  readonly unevenPeers: ReadonlySet<string>;
}

export const defaultAdvertisement = {
  aggregationLength: 32,
  aggregationLengthV6: 128,
  localHostRoutes: true,
  localPref: 100,
  communities: [],
  med: 0,
  prepend: 0,
  peers: [],
  nodeSelectors: [],
  serviceSelectors: [],
} as const satisfies AdvertisementConfig;

type AdvertisementFields = Fields<(typeof keys.advertisement)[number]>;

/** An advertisement that was read, with what rules about several of them need. */
export interface PlacedAdvertisement {
  readonly value: AdvertisementConfig;
  readonly place: Place;
  readonly localPrefPlace: Place;
  readonly hasLocalPref: boolean;
  /** Equal for advertisements that are written alike, whatever the order of their keys. */
  readonly spelling: string;
}

/** Reads one member of `bgp-advertisements`, of a pool with the addresses `ranges`. */
export function advertisementReader(
  ranges: readonly AddressRange[],
  references: References,
): Reader<PlacedAdvertisement> {
  return (tree, report) => {
    const fields = readFields(tree, keys.advertisement, report);
    const value = fields && readAdvertisement(fields, ranges, references, report);
    const hasLocalPref = fields?.isPresent("localpref") === true;
    return fields === undefined || value === undefined
      ? undefined
      : {
          value,
          place: { at: tree.at, path: tree.path },
          localPrefPlace: hasLocalPref ? fields.placeOf("localpref") : tree,
          hasLocalPref,
          spelling: spellingOf(tree),
        };
  };
}

const lengthV4 = wholeNumber({ min: 0, max: 32, what: "an IPv4 aggregation length is 0 to 32" });
const lengthV6 = wholeNumber({ min: 0, max: 128, what: "an IPv6 aggregation length is 0 to 128" });
const localPref = wholeNumber({ min: 0, max: 4294967295, what: "a LOCAL_PREF is 0 to 4294967295" });
const med = wholeNumber({
  min: 0,
  max: 4294967295,
  what: "a MED is 1 to 4294967295; 0 sends none",
});
const prepend = wholeNumber({
  min: 0,
  max: mostPrepends,
  what: `our AS number is repeated 0 to ${mostPrepends} times`,
});

function readAdvertisement(
  fields: AdvertisementFields,
  ranges: readonly AddressRange[],
  references: References,
  report: Report,
): AdvertisementConfig | undefined {
  const partial = {
    aggregationLength: fields.withDefault("aggregation-length", lengthV4, 32),
    aggregationLengthV6: fields.withDefault("aggregation-length-v6", lengthV6, 128),
    localHostRoutes: fields.withDefault("local-host-routes", boolean, true),
    localPref: fields.withDefault("localpref", localPref, 100),
    communities: fields.withDefault("communities", communityList(references), []),
    med: fields.withDefault("med", med, 0),
    prepend: fields.withDefault("prepend", prepend, 0),
    peers: fields.withDefault("peers", listOf(peerName(references)), []),
    nodeSelectors: fields.withDefault("node-selectors", selectorList, []),
    serviceSelectors: fields.withDefault("service-selectors", selectorList, []),
  };
  checkLengths(fields, partial, ranges, report);
  return isComplete(partial) ? partial : undefined;
}

function checkLengths(
  fields: AdvertisementFields,
  lengths: {
    readonly aggregationLength: number | undefined;
    readonly aggregationLengthV6: number | undefined;
    readonly serviceSelectors: readonly Selector[] | undefined;
  },
  ranges: readonly AddressRange[],
  report: Report,
): void {
  const { aggregationLength = 32, aggregationLengthV6 = 128, serviceSelectors = [] } = lengths;
  checkLength(fields.placeOf("aggregation-length"), aggregationLength, "ipv4", ranges, report);
  checkLength(fields.placeOf("aggregation-length-v6"), aggregationLengthV6, "ipv6", ranges, report);
  if (serviceSelectors.length > 0 && (aggregationLength < 32 || aggregationLengthV6 < 128)) {
    const cure = "leave aggregation-length and aggregation-length-v6 at 32 and 128";
    report(fields.placeOf("service-selectors"), `an aggregate is of many Services: ${cure}`);
  }
}

/** As in MetalLB: a range of addresses is judged by the largest network inside it. */
function checkLength(
  place: Place,
  length: number,
  family: AddressFamily,
  ranges: readonly AddressRange[],
  report: Report,
): void {
  for (const range of ranges.filter((candidate) => candidate.family === family)) {
    const shortest = Math.min(...rangePrefixes(range).map((prefix) => prefix.length));
    if (length < shortest) {
      const cure = `use ${shortest} to ${addressBits[family]}`;
      report(
        place,
        `${length} is shorter than the networks in ${range.text} of this pool: ${cure}`,
      );
      return;
    }
  }
}

const communityRule =
  "a community is two numbers of 0 to 65535 as in 64512:1, three of 32 bits as in large:64512:1:2, a well-known name as in no-export, or a name of bgp-communities";

/** A value of `bgp-communities`, where no alias may stand. */
export const communityValue = parsedText(
  parseCommunity,
  communityRule.replace(/, or a name.*/, ""),
);

/** Aliases win over a literal of the same spelling, as in MetalLB. */
export function communityList(references: References): Reader<Community[]> {
  return (tree, report) => {
    const spellings = listOf(placed(text))(tree, report);
    const communities = new Map<string, Community>();
    const seen = new Set<string>();
    for (const { value, place } of spellings ?? []) {
      const alias = references.communities.get(value);
      const community = alias ?? parseCommunity(value);
      if (seen.has(value)) {
        report(place, `${shown(value)} stands twice in this list: remove one`);
      } else if (community !== undefined) {
        communities.set(JSON.stringify(community), community);
      } else if (!references.communities.has(value)) {
        report(place, whyNoCommunity(value, references));
      }
      seen.add(value);
    }
    return spellings === undefined ? undefined : [...communities.values()];
  };
}

function whyNoCommunity(value: string, references: References): string {
  const names = [...references.communities.keys(), ...wellKnownNames];
  const nearest = /[a-z]/.test(value) ? nearestWord(value, names) : undefined;
  return nearest === undefined
    ? `${shown(value)} is no community: ${communityRule}`
    : `${shown(value)} is no community: did you mean ${nearest}?`;
}

function peerName(references: References): Reader<string> {
  return (tree, report) => {
    const name = nonEmptyText("the name of a peer")(tree, report);
    if (name === undefined || references.peers === "unknown") {
      return name;
    }
    if (references.ambiguousPeers.has(name)) {
      report(tree, `${shown(name)} is more than one peer: give each of them a name`);
    } else if (!references.peers.has(name)) {
      const known = [...references.peers];
      const nearest = nearestWord(name, known);
      const cure =
        nearest === undefined ? `there are ${known.join(", ")}` : `did you mean ${nearest}?`;
      report(tree, `${shown(name)} is no peer: ${known.length === 0 ? "there are none" : cure}`);
    }
    return name;
  };
}

function spellingOf(tree: Tree): string {
  switch (tree.type) {
    case "scalar":
      return JSON.stringify(tree.text);
    case "sequence":
      return `[${tree.members.map(spellingOf).join()}]`;
    case "mapping":
      return `{${tree.entries
        .map((entry) => `${JSON.stringify(entry.key)}:${spellingOf(entry.value)}`)
        .sort()
        .join()}}`;
  }
}
