import { type AddressFamily, addressBits } from "../../net/address.ts";
import {
  bfdNotes,
  commentLines,
  filterNote,
  gracefulRestartNote,
  hashNotes,
  neighbourNotes,
  passwordNote,
  pathsNote,
  placeholderPassword,
  portNote,
  prefixLimitNote,
} from "./notes.ts";
import type { GroupFamily, PeerGroup, RouterSide } from "./router-side.ts";

/** The router's side in BIRD's words (2 and 3), as a file that is complete; `#` begins a comment. */
export function formatBird(side: RouterSide): string {
  const lines = [
    ...comments("", [
      `RouteLB: what BIRD on router ${side.address?.text ?? "(default gateway)"} needs. A complete bird.conf; in one that is there already,`,
      "leave out what it has (device and kernel protocols exist once) and put `merge paths` into its kernel protocols.",
      ...hashNotes,
    ]),
    ...(side.address?.family === "ipv4" ? [`router id ${side.address.text};`] : []),
    "protocol device { }",
    ...kernels(side),
    ...bfdProtocol(side),
    ...side.groups.flatMap((group) => [...filters(group), ...template(side, group)]),
  ];
  return `${lines.join("\n")}\n`;
}

function comments(indent: string, texts: readonly string[]): readonly string[] {
  return commentLines(`${indent}#`, texts);
}

function familiesOf({ groups }: RouterSide): readonly AddressFamily[] {
  return (["ipv4", "ipv6"] as const).filter((family) =>
    groups.some(({ families }) => families.some((own) => own.family === family)),
  );
}

function kernels(side: RouterSide): readonly string[] {
  const needsDirect = side.groups.some(({ isMultihop }) => isMultihop);
  const families = familiesOf(side);
  return [
    ...(needsDirect
      ? [
          ...comments("", [
            "Next hops of sessions over several hops are looked up in these routes.",
          ]),
          `protocol direct { ${families.map((family) => `${family};`).join(" ")} }`,
        ]
      : []),
    ...comments("", pathsNote(side, "bird")),
    ...families.flatMap((family) => [
      "protocol kernel {",
      `  merge paths on limit ${side.paths};`,
      `  ${family} { export where source = RTS_BGP; };`,
      "}",
    ]),
  ];
}

function bfdProtocol({ groups }: RouterSide): readonly string[] {
  return groups.some(({ entry }) => entry.bfdProfile !== undefined)
    ? [...comments("", ["The times are in the templates below."]), "protocol bfd { }"]
    : [];
}

/** `routelb-2` is no name for BIRD. */
function symbol(name: string): string {
  return name.replaceAll("-", "_");
}

function filters({ name, families, weightCommunities }: PeerGroup): readonly string[] {
  return families.flatMap(({ family, prefixes }) => [
    ...comments("", [filterNote]),
    `filter ${symbol(name)}_in_${family} {`,
    "  if net !~ [",
    prefixes
      .map(({ network, length }) =>
        length === addressBits[family] && network.length === length
          ? `    ${network.key}`
          : `    ${network.key}{${length},${length}}`,
      )
      .join(",\n"),
    "  ] then reject;",
    ...comments("  ", ["A node that leaves says GRACEFUL_SHUTDOWN first (RFC 8326)."]),
    "  if (65535, 0) ~ bgp_community then bgp_local_pref = 0;",
    ...weightCommunities.flatMap((asn) => [
      ...comments("  ", [
        "Weighted ECMP: BIRD does not use a link bandwidth, but this community's count; a weight is 1 to 256.",
      ]),
      "  for pair c in bgp_community do {",
      `    if c.asn = ${asn} then { if c.data > 256 then weight = 256; else weight = c.data; }`,
      "  }",
    ]),
    "  accept;",
    "}",
  ]);
}

function template(side: RouterSide, group: PeerGroup): readonly string[] {
  const { name, entry, listenRange, neighbours = [] } = group;
  const bfd = entry.bfdProfile;
  // BIRD writes the interface of a scoped address as we do.
  const local = side.address === undefined ? "" : `${side.address.text} `;
  const port = entry.peerPort === 179 ? "" : `port ${entry.peerPort} `;
  return [
    ...comments("", [`The entry ${entry.name} of RouteLB's peers.`]),
    `template bgp ${symbol(name)} {`,
    ...comments("  ", [portNote(entry.peerPort, "port, below")]),
    `  local ${local}${port}as ${side.asn};`,
    ...comments("  ", ["The nodes dial."]),
    "  passive on;",
    `  ${group.isMultihop ? "multihop" : "direct"};`,
    ...comments("  ", ["Of the Hold Times, the smaller one counts."]),
    `  hold time ${entry.holdTimeSeconds};`,
    ...comments("  ", [
      "BIRD's default is to refuse a neighbour for a minute after an error, then twice that.",
    ]),
    "  error wait time 5, 60;",
    ...comments("  ", [gracefulRestartNote(entry)]),
    `  graceful restart ${entry.gracefulRestart === undefined ? "off" : "aware"};`,
    ...(entry.ttlSecurityHops === undefined
      ? []
      : [
          ...comments("  ", [
            "GTSM (RFC 5082), as the nodes have it: one side alone gets no session.",
          ]),
          ...(entry.ttlSecurityHops > 1 ? [`  multihop ${entry.ttlSecurityHops};`] : []),
          "  ttl security on;",
        ]),
    ...(group.passwordSource === undefined
      ? []
      : [
          ...comments("  ", [passwordNote(group.passwordSource)]),
          `  password "${placeholderPassword}";`,
        ]),
    ...(bfd === undefined
      ? []
      : [
          ...comments("  ", bfdNotes(group, "bird")),
          `  bfd { min rx interval ${bfd.transmitIntervalMs} ms; min tx interval ${bfd.receiveIntervalMs} ms; multiplier ${bfd.detectMultiplier}; };`,
        ]),
    ...group.families.flatMap((family) => channel(group, family)),
    "}",
    ...comments("", neighbourNotes(group)),
    ...neighbours.map(
      ({ node, address }, index) =>
        `protocol bgp ${symbol(name)}_${index + 1} from ${symbol(name)} { neighbor ${address.text} as ${entry.myAsn}; } # ${node}`,
    ),
    ...(listenRange === undefined
      ? []
      : [
          `protocol bgp ${symbol(name)}_nodes from ${symbol(name)} {`,
          `  neighbor range ${listenRange.key} as ${entry.myAsn};`,
          `  dynamic name "${symbol(name)}_";`,
          "}",
        ]),
  ];
}

function channel({ name, hasExtendedNextHop }: PeerGroup, own: GroupFamily): readonly string[] {
  const { family, prefixLimit } = own;
  return [
    `  ${family} {`,
    `    import filter ${symbol(name)}_in_${family};`,
    ...comments("    ", ["The nodes need no routes from here: RouteLB drops them."]),
    "    export none;",
    ...comments("    ", [prefixLimitNote(own)]),
    `    receive limit ${prefixLimit} action restart;`,
    ...(family === "ipv4" && hasExtendedNextHop
      ? [
          ...comments("    ", ["IPv4 routes with an IPv6 next hop (RFC 8950)."]),
          "    extended next hop on;",
        ]
      : []),
    "  };",
  ];
}
