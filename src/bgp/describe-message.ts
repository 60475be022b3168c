import { asPathText } from "./codec/as-path.ts";
import type { Aggregator, KnownAttributes } from "./codec/attribute.ts";
import { attributeNames, attributeSpecs } from "./codec/attribute-table.ts";
import type { Capability } from "./codec/capability.ts";
import { familyOf, type WireFamily } from "./codec/family.ts";
import { RefreshSubtype } from "./codec/iana.ts";
import type { ReceivedMessage } from "./codec/message.ts";
import type { MpReach, MpUnreach } from "./codec/mp-attribute.ts";
import type { PrefixList } from "./codec/nlri.ts";
import { type Notification, notificationName, shutdownText } from "./codec/notification.ts";
import type { Open } from "./codec/open.ts";
import { endOfRibFamily, type ReceivedUpdate } from "./codec/update.ts";

/** One field of a message: its name, and its value as text. */
export type Field = readonly [name: string, text: string];

/** The fields of a message, in their order on the wire, for a person to read. */
export function describeMessage(message: ReceivedMessage): readonly Field[] {
  switch (message.type) {
    case "OPEN":
      return describeOpen(message);
    case "UPDATE":
      return describeUpdate(message);
    case "NOTIFICATION":
      return describeNotification(message);
    case "KEEPALIVE":
      return [];
    case "ROUTE-REFRESH":
      return [
        ["family", familyText(message)],
        ["subtype", refreshText(message.subtype)],
      ];
  }
}

function describeOpen(open: Open): Field[] {
  return [
    ["version", "4"],
    ["AS, in two octets", String(open.asn)],
    ["Hold Time", `${open.holdTimeSeconds} s`],
    ["BGP Identifier", open.routerId.text],
    ...open.capabilities.map((one): Field => ["capability", capabilityText(one)]),
  ];
}

function capabilityText(capability: Capability): string {
  switch (capability.type) {
    case "multiprotocol":
      return `multiprotocol ${familyText(capability)}`;
    case "route-refresh":
    case "enhanced-route-refresh":
    case "extended-message":
      return capability.type;
    case "extended-next-hop": {
      const entries = capability.entries.map(
        (entry) => `${familyText(entry)} by AFI ${entry.nextHopAfi}`,
      );
      return ["extended-next-hop", ...entries].join(" ");
    }
    case "graceful-restart": {
      const { restarted, notification, restartTimeSeconds, families } = capability;
      const flags = [...(restarted ? ["R"] : []), ...(notification ? ["N"] : [])];
      const kept = families.map(
        (family) => `${familyText(family)}${family.forwarding ? " (forwarding kept)" : ""}`,
      );
      const parts = [`${restartTimeSeconds} s`, ...flags, ...kept];
      return `graceful-restart ${parts.join(", ")}`;
    }
    case "four-octet-asn":
      return `four-octet-asn ${capability.asn}`;
    case "hostname": {
      const { hostname, domain } = capability;
      return `hostname ${domain === "" ? hostname : `${hostname}.${domain}`}`;
    }
    case "unknown":
      return capability.octets.length === 0
        ? `code ${capability.code}`
        : `code ${capability.code}: ${hex(capability.octets)}`;
  }
}

function describeUpdate(update: ReceivedUpdate): Field[] {
  const family = endOfRibFamily(update);
  if (family !== undefined) {
    return [["End-of-RIB", `${family} unicast`]];
  }
  const fields: Field[] = [];
  if (update.withdrawn.length > 0) {
    fields.push(["withdrawn", keysText(update.withdrawn)]);
  }
  for (const name of attributeNames) {
    const text = attributeTextOf(name, update.attributes[name]);
    if (text !== undefined) {
      fields.push([attributeSpecs[name].name, text]);
    }
  }
  for (const { code, flags, octets } of update.attributes.unknown) {
    fields.push([`attribute ${code}`, `flags 0x${flags.toString(16)}: ${hex(octets)}`]);
  }
  if (update.nlri.length > 0) {
    fields.push(["NLRI", keysText(update.nlri)]);
  }
  for (const { action, text } of update.malformed) {
    fields.push(["malformed", `${text}: ${action}`]);
  }
  return fields;
}

const attributeText: {
  readonly [Name in keyof KnownAttributes]: (value: KnownAttributes[Name]) => string;
} = {
  origin: (value) => value,
  asPath: (value) => asPathText(value),
  nextHop: (value) => value.text,
  multiExitDisc: String,
  localPref: String,
  atomicAggregate: () => "set",
  aggregator: aggregatorText,
  communities: (values) => values.map(communityText).join(" "),
  originatorId: (value) => value.text,
  clusterList: (values) => values.map(({ text }) => text).join(" "),
  mpReach: reachText,
  mpUnreach: unreachText,
  extendedCommunities: (values) => values.map(extendedCommunityText).join(" "),
  as4Path: (value) => asPathText(value),
  as4Aggregator: aggregatorText,
  largeCommunities: (values) => values.map((parts) => parts.join(":")).join(" "),
};

function attributeTextOf<Name extends keyof KnownAttributes>(
  name: Name,
  value: KnownAttributes[Name] | undefined,
): string | undefined {
  return value === undefined ? undefined : attributeText[name](value);
}

function aggregatorText({ asn, address }: Aggregator): string {
  return `AS ${asn}, ${address.text}`;
}

const wellKnownCommunities = new Map([
  [0xffff_0000, "graceful-shutdown"],
  [0xffff_029a, "blackhole"],
  [0xffff_ff01, "no-export"],
  [0xffff_ff02, "no-advertise"],
  [0xffff_ff03, "no-export-subconfed"],
]);

function communityText(community: number): string {
  const name = wellKnownCommunities.get(community);
  return name ?? `${community >>> 16}:${community & 0xffff}`;
}

/** Link bandwidth is told as such (draft-ietf-idr-link-bandwidth), the others in hexadecimal. */
function extendedCommunityText(community: bigint): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, community);
  const type = view.getUint16(0);
  if (type !== 0x0004 && type !== 0x4004) {
    return `0x${community.toString(16).padStart(16, "0")}`;
  }
  const kind = type === 0x0004 ? "transitive" : "non-transitive";
  return `link-bandwidth:${view.getUint16(2)}:${view.getFloat32(4)} octets/s (${kind})`;
}

function reachText(reach: MpReach): string {
  if (reach.type === "other") {
    return `${familyText(reach)}: ${hex(reach.octets)}`;
  }
  const linkLocal = reach.linkLocal === undefined ? "" : ` and ${reach.linkLocal.text}`;
  return `${reach.family} unicast through ${reach.nextHop.text}${linkLocal}: ${keysText(reach.prefixes)}`;
}

function unreachText(unreach: MpUnreach): string {
  return unreach.type === "other"
    ? `${familyText(unreach)}: ${hex(unreach.octets)}`
    : `${unreach.family} unicast: ${keysText(unreach.prefixes)}`;
}

function describeNotification(notification: Notification): Field[] {
  const text = shutdownText(notification);
  const { data } = notification;
  return [
    ["error", notificationName(notification)],
    ...(text === undefined ? [] : [["text", text] as const]),
    ...(data.length === 0 || text !== undefined ? [] : [["data", hex(data)] as const]),
  ];
}

function refreshText(subtype: number): string {
  switch (subtype) {
    case RefreshSubtype.Request:
      return "request";
    case RefreshSubtype.Begin:
      return "begin of the answer";
    case RefreshSubtype.End:
      return "end of the answer";
    default:
      return `${subtype}, unknown`;
  }
}

function familyText(wire: WireFamily): string {
  const family = familyOf(wire);
  return family === undefined ? `AFI ${wire.afi}, SAFI ${wire.safi}` : `${family} unicast`;
}

function keysText(prefixes: PrefixList): string {
  return Array.from(prefixes, ({ key }) => key).join(" ");
}

/** Octets as hexadecimal digits. */
export function hex(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
}
