import type { AddressFamily } from "../../net/address.ts";
import {
  bfdNotes,
  commentLines,
  filterNote,
  gracefulRestartNote,
  listenRangeCrash,
  neighbourNotes,
  passwordNote,
  pathKinds,
  pathsNote,
  placeholderPassword,
  portNote,
  prefixLimitNote,
} from "./notes.ts";
import type { PeerGroup, RouterSide } from "./router-side.ts";

/** 1.4 moved the AS number out of every path; 1.5 writes as 1.4 does. */
export type VyosVersion = "1.3" | "1.4";

const list = { ipv4: "prefix-list", ipv6: "prefix-list6" } as const satisfies Record<
  AddressFamily,
  string
>;
const addressWord = { ipv4: "ip", ipv6: "ipv6" } as const satisfies Record<AddressFamily, string>;

/**
 * The router's side as VyOS's `set` commands; `#` begins a comment. Taken from VyOS's documentation
 * (docs/routers.md says which page each is from): there is no VyOS to test with.
 */
export function formatVyos(side: RouterSide, version: VyosVersion): string {
  const bgp = version === "1.3" ? `set protocols bgp ${side.asn}` : "set protocols bgp";
  const lines = [
    ...comments([
      `RouteLB: what VyOS ${version === "1.3" ? "1.3" : "1.4 and 1.5"} on router ${side.address?.text ?? "(default gateway)"} needs. Paste it after \`configure\`, then \`commit\` and \`save\`.`,
      "Written from VyOS's documentation, not run on VyOS.",
      "Connections, not clients, are balanced: without this all connections of one client go to one node.",
    ]),
    "set system ip multipath layer4-hashing",
    ...(hasFamily(side, "ipv6") ? ["set system ipv6 multipath layer4-hashing"] : []),
    ...side.groups.flatMap(policies),
    ...(version === "1.3" ? [] : [`${bgp} system-as ${side.asn}`]),
    ...(side.hasSeveralAsns
      ? [
          ...comments(["The nodes have several AS numbers: without this, one path is used."]),
          `${bgp} parameters bestpath as-path multipath-relax`,
        ]
      : []),
    ...maximumPaths(side, bgp),
    ...side.groups.flatMap((group) => groupLines(side, group, bgp, version)),
  ];
  return `${lines.join("\n")}\n`;
}

function comments(texts: readonly string[]): readonly string[] {
  return commentLines("#", texts);
}

function hasFamily({ groups }: RouterSide, family: AddressFamily): boolean {
  return groups.some(({ families }) => families.some((own) => own.family === family));
}

function policies({ name, families }: PeerGroup): readonly string[] {
  return [
    ...comments([filterNote]),
    ...families.flatMap(({ family, prefixes }) =>
      prefixes.flatMap(({ network, length }, index) => {
        const rule = `set policy ${list[family]} ${name} rule ${index + 1}`;
        return [
          `${rule} action permit`,
          `${rule} prefix ${network.key}`,
          ...(network.length === length ? [] : [`${rule} ge ${length}`, `${rule} le ${length}`]),
        ];
      }),
    ),
    ...families.flatMap(({ family }, index) => {
      const rule = `set policy route-map ${name}-in rule ${(index + 1) * 10}`;
      return [
        `${rule} action permit`,
        `${rule} match ${addressWord[family]} address prefix-list ${name}`,
      ];
    }),
    ...comments(["The nodes need no routes from here: RouteLB drops them."]),
    `set policy route-map ${name}-out rule 10 action deny`,
  ];
}

function maximumPaths(side: RouterSide, bgp: string): readonly string[] {
  const families = (["ipv4", "ipv6"] as const).filter((family) => hasFamily(side, family));
  return [
    ...comments(pathsNote(side, "vyos")),
    ...families.flatMap((family) =>
      pathKinds(side).map(
        (kind) => `${bgp} address-family ${family}-unicast maximum-paths ${kind} ${side.paths}`,
      ),
    ),
  ];
}

function groupLines(
  side: RouterSide,
  group: PeerGroup,
  bgp: string,
  version: VyosVersion,
): readonly string[] {
  const { name, entry, listenRange, neighbours = [] } = group;
  return [
    ...comments([
      `The entry ${entry.name} of RouteLB's peers.`,
      portNote(entry.peerPort, "VyOS has no setting for it: use 179"),
      gracefulRestartNote(entry),
      ...(entry.gracefulRestart === undefined ? [] : ["VyOS's FRR keeps them by default."]),
      ...(group.passwordSource === undefined ? [] : [passwordNote(group.passwordSource)]),
      ...(entry.bfdProfile === undefined ? [] : bfdNotes(group, "vyos")),
      ...group.families.map((own) => `${own.family}: ${prefixLimitNote(own)}`),
      ...neighbourNotes(group),
    ]),
    ...bfdLines(group, version, side.address?.text),
    ...neighbours.flatMap(({ node, address }) =>
      sessionLines(group, `${bgp} neighbor ${address.text}`, version, node),
    ),
    ...(listenRange === undefined
      ? []
      : [
          ...sessionLines(group, `${bgp} peer-group ${name}`, version, undefined),
          ...comments([listenRangeCrash, "So many nodes at most."]),
          `${bgp} listen limit 1000`,
          `${bgp} listen range ${listenRange.key} peer-group ${name}`,
        ]),
  ];
}

function sessionLines(
  group: PeerGroup,
  path: string,
  version: VyosVersion,
  node: string | undefined,
): readonly string[] {
  const { name, entry } = group;
  return [
    `${path} remote-as ${entry.myAsn}`,
    ...(node === undefined ? [] : [`${path} description ${node}`]),
    `${path} passive`,
    ...(entry.ebgpMultihop && !group.isInternal ? [`${path} ebgp-multihop 255`] : []),
    ...(entry.ttlSecurityHops === undefined
      ? []
      : [`${path} ttl-security hops ${entry.ttlSecurityHops}`]),
    ...(group.passwordSource === undefined ? [] : [`${path} password ${placeholderPassword}`]),
    ...(entry.bfdProfile === undefined
      ? []
      : [version === "1.3" ? `${path} bfd` : `${path} bfd profile ${name}`]),
    ...(group.hasExtendedNextHop ? [`${path} capability extended-nexthop`] : []),
    ...group.families.flatMap(({ family, prefixLimit }) => {
      const own = `${path} address-family ${family}-unicast`;
      return [
        `${own} route-map import ${name}-in`,
        `${own} route-map export ${name}-out`,
        `${own} maximum-prefix ${prefixLimit}`,
      ];
    }),
  ];
}

function bfdLines(
  group: PeerGroup,
  version: VyosVersion,
  routerAddress: string | undefined,
): readonly string[] {
  const { name, entry, neighbours = [] } = group;
  const profile = entry.bfdProfile;
  if (profile === undefined) {
    return [];
  }
  const interval = (path: string) => [
    `${path} interval transmit ${profile.receiveIntervalMs}`,
    `${path} interval receive ${profile.transmitIntervalMs}`,
    `${path} interval multiplier ${profile.detectMultiplier}`,
  ];
  return version === "1.3"
    ? neighbours.flatMap(({ address }) => {
        const path = `set protocols bfd peer ${address.text}`;
        const source =
          routerAddress === undefined ? [] : [`${path} source address ${routerAddress}`];
        return [...(group.isMultihop ? [`${path} multihop`, ...source] : []), ...interval(path)];
      })
    : interval(`set protocols bfd profile ${name}`);
}
