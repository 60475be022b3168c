import { type Address, isLinkLocal } from "../net/address.ts";
import { parseUnmappedAddress, peerAddress } from "./address.ts";
import type { BfdProfiles } from "./bfd-profile.ts";
import {
  boolean,
  type Fields,
  isComplete,
  listOf,
  nonEmptyText,
  oneOf,
  parsedText,
  type Reader,
  readFields,
  text,
  wholeNumber,
} from "./fields.ts";
import { type Report, shown } from "./finding.ts";
import type { BfdProfile, PeerConfig } from "./model.ts";
import { readPassword } from "./peer-password.ts";
import { gracefulRestart, readTimes } from "./peer-times.ts";
import { scalarNumber } from "./scalar.ts";
import { keys } from "./schema.ts";
import { selectorList } from "./selector.ts";

export type PeerFields = Fields<(typeof keys.peer)[number]>;

/** A peer without its name, which depends on the other peers (peer-names.ts). */
export interface PeerDraft extends Omit<PeerConfig, "name"> {
  readonly name: string | undefined;
}

/** Reads one entry of `peers`; `profiles` are the `bfd-profiles` by name. */
export function peerReader(profiles: BfdProfiles): Reader<PeerDraft> {
  return (tree, report) => {
    const fields = readFields(tree, keys.peer, report);
    return fields === undefined ? undefined : readPeer(fields, profiles, report);
  };
}

function readPeer(
  fields: PeerFields,
  profiles: BfdProfiles,
  report: Report,
): PeerDraft | undefined {
  const asns = readAsns(fields);
  const address = fields.required("peer-address", peerAddress, "the router's address");
  const needed = {
    asns,
    address,
    peerPort: fields.withDefault("peer-port", peerPort, 179),
    times: readTimes(fields, report),
    nodeSelectors: fields.withDefault("node-selectors", selectorList, []),
    hops: readHops(fields, asns, report),
    restart: fields.withDefault("graceful-restart", gracefulRestart, { restartTimeSeconds: 120 }),
    families: fields.withDefault("families", familiesReader, ["ipv4", "ipv6"]),
    importLimit: fields.withDefault("import-limit", prefixCount, 0),
    linkBandwidth: fields.withDefault("link-bandwidth", oneOf(bandwidths), "auto"),
  };
  const name = fields.optional("name", nonEmptyText("a name of your choice"));
  const sourceAddress = readSourceAddress(fields, address, report);
  const routerId = fields.optional("router-id", routerIdReader);
  const password = readPassword(fields, report);
  const bfdProfile = readBfdProfile(fields, profiles, report);
  if (!isComplete(needed)) {
    return undefined;
  }
  return {
    name,
    ...needed.asns,
    peerAddress: needed.address,
    peerPort: needed.peerPort,
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
    ...needed.times,
    ...(routerId === undefined ? {} : { routerId }),
    nodeSelectors: needed.nodeSelectors,
    ...(password === undefined ? {} : { password }),
    ...needed.hops,
    ...(bfdProfile === undefined ? {} : { bfdProfile }),
    ...(needed.restart === "off" ? {} : { gracefulRestart: needed.restart }),
    families: needed.families,
    importLimit: needed.importLimit,
    linkBandwidth: needed.linkBandwidth,
  };
}

const bandwidths = ["auto", "transitive", "non-transitive", "off"] as const;

const asnRule = "an AS number is 1 to 4294967295";
const asNumber = wholeNumber({ min: 1, max: 4294967295, what: asnRule, noPoint: true });

const peerAsn: Reader<number | "external" | "internal"> = (tree, report) => {
  if (tree.type === "scalar" && (tree.text === "external" || tree.text === "internal")) {
    return tree.text;
  }
  const mayBeWord = tree.type === "scalar" && scalarNumber(tree) === undefined;
  const words = mayBeWord ? "; or write external or internal" : "";
  return asNumber(tree, (place, message) => report(place, `${message}${words}`));
};

type Asns = Pick<PeerConfig, "myAsn" | "peerAsn">;

function readAsns(fields: PeerFields): Asns | undefined {
  const myAsn = fields.required("my-asn", asNumber, `our AS number; ${asnRule}`);
  const peer = fields.required("peer-asn", peerAsn, "the router's AS number, external or internal");
  return myAsn === undefined || peer === undefined ? undefined : { myAsn, peerAsn: peer };
}

/** 0 is the default in MetalLB. */
const peerPort: Reader<number> = (tree, report) => {
  const port = wholeNumber({ min: 0, max: 65535, what: "a TCP port is 1 to 65535" })(tree, report);
  return port === 0 ? 179 : port;
};

const prefixCount = wholeNumber({
  min: 0,
  max: 4294967295,
  what: "a limit is 1 to 4294967295 prefixes; 0 is none",
});

function readSourceAddress(
  fields: PeerFields,
  peer: Address | "default-gateway" | undefined,
  report: Report,
): Address | undefined {
  const source = fields.optional(
    "source-address",
    parsedText(parseUnmappedAddress, "write an IP address of the node, as in 172.16.7.11"),
  );
  if (source === undefined || peer === undefined || peer === "default-gateway") {
    return source;
  }
  const place = fields.placeOf("source-address");
  if (source.family !== peer.family) {
    report(place, `${source.text} is not of the family of peer-address, ${peer.text}`);
  } else if (source.zone !== undefined && source.zone !== peer.zone) {
    report(place, `${source.text} is not on the interface of peer-address, ${peer.text}`);
  } else if (source.zone === undefined && isLinkLocal(source) && !isLinkLocal(peer)) {
    report(place, `${source.text} is link-local, but peer-address ${peer.text} is not`);
  }
  return source;
}

function parseRouterId(value: string): Address | undefined {
  const address = parseUnmappedAddress(value);
  return address?.family === "ipv4" && address.value !== 0n ? address : undefined;
}

const routerIdReader = parsedText(
  parseRouterId,
  "a router-id is four numbers like an IPv4 address, as in 172.16.7.11, and not 0.0.0.0",
);

type Hops = Pick<PeerConfig, "ebgpMultihop" | "ttlSecurityHops">;

function readHops(fields: PeerFields, asns: Asns | undefined, report: Report): Hops | undefined {
  const ebgpMultihop = fields.withDefault("ebgp-multihop", boolean, false);
  const ttlSecurityHops = fields.optional("ttl-security", hopCount);
  if (ebgpMultihop === true && fields.isPresent("ttl-security")) {
    report(fields.placeOf("ttl-security"), "excludes ebgp-multihop: keep one of the two");
  }
  const isInternal =
    asns !== undefined && (asns.peerAsn === "internal" || asns.peerAsn === asns.myAsn);
  if (ebgpMultihop === true && isInternal) {
    report(
      fields.placeOf("ebgp-multihop"),
      "true is only for external peers, and this one is internal (peer-asn is internal or my-asn): leave it out",
    );
  }
  if (ebgpMultihop === undefined) {
    return undefined;
  }
  return { ebgpMultihop, ...(ttlSecurityHops === undefined ? {} : { ttlSecurityHops }) };
}

const hopCount = wholeNumber({ min: 1, max: 254, what: "the router is 1 to 254 hops away" });

function readBfdProfile(
  fields: PeerFields,
  profiles: BfdProfiles,
  report: Report,
): BfdProfile | undefined {
  const name = fields.optional("bfd-profile", text);
  if (name !== undefined && !profiles.has(name)) {
    const cure =
      profiles.size === 0 ? "there are none" : `there are ${[...profiles.keys()].join(", ")}`;
    report(fields.placeOf("bfd-profile"), `${shown(name)} is not in bfd-profiles: ${cure}`);
  }
  return name === undefined ? undefined : profiles.get(name);
}

const familiesReader: Reader<("ipv4" | "ipv6")[]> = (tree, report) => {
  const families = listOf(oneOf(["ipv4", "ipv6"]))(tree, report);
  if (tree.type === "sequence" && tree.members.length === 0) {
    report(tree, "is empty: it takes ipv4, ipv6 or both");
  } else if (families !== undefined && new Set(families).size < families.length) {
    report(tree, "names a family twice: it takes ipv4, ipv6 or both");
  }
  return families;
};
