import type { AddressFamily } from "../../net/address.ts";
import type { AcceptedPrefixes } from "./accepted-prefixes.ts";
import {
  bfdNotes,
  commentLines,
  filterNote,
  gracefulRestartNote,
  hashNotes,
  listenRangeCrash,
  neighbourNotes,
  passwordNote,
  pathKinds,
  pathsNote,
  placeholderPassword,
  portNote,
  prefixLimitNote,
} from "./notes.ts";
import type { GroupFamily, PeerGroup, RouterSide } from "./router-side.ts";

const addressWord = { ipv4: "ip", ipv6: "ipv6" } as const satisfies Record<AddressFamily, string>;

/** The router's side in FRR's words (8 to 10); `!` begins a comment. */
export function formatFrr(side: RouterSide): string {
  const lines = [
    ...comments("", [
      `RouteLB: what FRR on router ${side.address?.text ?? "(default gateway)"} needs. Paste it in vtysh after \`configure terminal\`,`,
      "or load it with `vtysh -f FILE`; `write` keeps it. Nothing else of the router is touched.",
      ...standingNotes(side),
      ...hashNotes,
    ]),
    ...(side.groups.some(({ families }) => families.some(({ family }) => family === "ipv6"))
      ? comments("", [
          "IPv6: zebra_options in /etc/frr/daemons need --v6-rr-semantics; without it, each change of a route's next hops",
          "is a deletion and a new route, and nobody reaches the address for that moment.",
        ])
      : []),
    ...side.groups.flatMap(bfdProfile),
    ...side.groups.flatMap(policies),
    ...routerBlock(side),
  ];
  return `${lines.join("\n")}\n`;
}

function comments(indent: string, texts: readonly string[]): readonly string[] {
  return commentLines(`${indent}!`, texts);
}

/** What FRR refuses of it on a router that has some of it, or neighbours of its own, already. */
function standingNotes({ groups }: RouterSide): readonly string[] {
  return [
    ...(groups.some(({ entry }) => entry.gracefulRestart !== undefined)
      ? [
          "Loaded once more, FRR 8.4 says of graceful-restart-helper that it is `not valid at this moment`, and vtysh ends with",
          "exit code 13; all else is taken.",
        ]
      : []),
    ...(groups.some(({ listenRange }) => listenRange === undefined)
      ? [
          "A neighbour that is in another peer group stays there (`Cannot change the peer-group`): `no neighbor ADDRESS` first.",
        ]
      : []),
  ];
}

function bfdProfile({ name, entry: { bfdProfile: profile } }: PeerGroup): readonly string[] {
  if (profile === undefined) {
    return [];
  }
  return [
    "!",
    ...comments("", ["BFD runs in a daemon of its own: bfdd=yes in /etc/frr/daemons."]),
    "bfd",
    ` profile ${name}`,
    `  transmit-interval ${profile.receiveIntervalMs}`,
    `  receive-interval ${profile.transmitIntervalMs}`,
    `  detect-multiplier ${profile.detectMultiplier}`,
    " exit",
    "exit",
  ];
}

function policies({ name, families }: PeerGroup): readonly string[] {
  return [
    "!",
    ...comments("", [filterNote]),
    ...families.flatMap(({ family, prefixes }) =>
      prefixes.map(
        (accepted, index) =>
          `${addressWord[family]} prefix-list ${name} seq ${(index + 1) * 5} permit ${match(accepted)}`,
      ),
    ),
    ...families.flatMap(({ family }, index) => [
      `route-map ${name}-in permit ${(index + 1) * 10}`,
      ` match ${addressWord[family]} address prefix-list ${name}`,
      "exit",
    ]),
    ...comments("", ["The nodes need no routes from here: RouteLB drops them."]),
    `route-map ${name}-out deny 10`,
    "exit",
  ];
}

/** FRR takes `ge` only if it is longer than the network. */
function match({ network, length }: AcceptedPrefixes): string {
  return network.length === length ? network.key : `${network.key} ge ${length} le ${length}`;
}

function routerBlock(side: RouterSide): readonly string[] {
  return [
    "!",
    `router bgp ${side.asn}`,
    ...(side.hasSeveralAsns
      ? [
          ...comments(" ", ["The nodes have several AS numbers: without this, one path is used."]),
          " bgp bestpath as-path multipath-relax",
        ]
      : []),
    ...side.groups.flatMap(neighbourLines),
    ...(["ipv4", "ipv6"] as const).flatMap((family) => familyBlock(side, family)),
    "exit",
  ];
}

function neighbourLines(group: PeerGroup): readonly string[] {
  const { name, entry, listenRange, neighbours = [] } = group;
  const set = (what: string) => ` neighbor ${name} ${what}`;
  const keepalive = entry.keepaliveTimeSeconds ?? Math.floor(entry.holdTimeSeconds / 3);
  return [
    ...comments(" ", [`The entry ${entry.name} of RouteLB's peers.`]),
    set("peer-group"),
    set(`remote-as ${entry.myAsn}`),
    ...comments(" ", ["The nodes dial; a router that dials too only fills its log."]),
    set("passive"),
    ...comments(" ", [portNote(entry.peerPort, "bgpd_options with -p")]),
    ...comments(" ", ["Keepalive and Hold Time; of the Hold Times, the smaller one counts."]),
    set(`timers ${keepalive} ${entry.holdTimeSeconds}`),
    ...comments(" ", [gracefulRestartNote(entry)]),
    ...(entry.gracefulRestart === undefined ? [] : [set("graceful-restart-helper")]),
    ...(entry.ebgpMultihop && !group.isInternal
      ? [...comments(" ", ["The nodes are not on a link of this router."]), set("ebgp-multihop")]
      : []),
    ...(entry.ttlSecurityHops === undefined
      ? []
      : [
          ...comments(" ", [
            "GTSM (RFC 5082), as the nodes have it: one side alone gets no session.",
          ]),
          set(`ttl-security hops ${entry.ttlSecurityHops}`),
        ]),
    ...passwordLines(group),
    ...(entry.bfdProfile === undefined
      ? []
      : [...comments(" ", bfdNotes(group, "frr")), set(`bfd profile ${name}`)]),
    ...(group.hasExtendedNextHop
      ? [
          ...comments(" ", ["IPv4 routes with an IPv6 next hop (RFC 8950)."]),
          set("capability extended-nexthop"),
        ]
      : []),
    ...comments(" ", neighbourNotes(group)),
    ...neighbours.flatMap(({ node, address }) => [
      ` neighbor ${address.text} peer-group ${name}`,
      ` neighbor ${address.text} description ${node}`,
    ]),
    ...(listenRange === undefined
      ? []
      : [
          ...comments(" ", [listenRangeCrash, "So many nodes at most; FRR's default is 100."]),
          " bgp listen limit 1000",
          ` bgp listen range ${listenRange.key} peer-group ${name}`,
        ]),
  ];
}

function passwordLines(group: PeerGroup): readonly string[] {
  if (group.passwordSource === undefined) {
    return [];
  }
  return [
    ...comments(" ", [
      `${passwordNote(group.passwordSource)} (FRR takes none with a space)`,
      ...(group.listenRange === undefined
        ? []
        : ["With a listen range, FRR 8.4 may keep an old key: restart bgpd after a change of it."]),
    ]),
    ` neighbor ${group.name} password ${placeholderPassword}`,
  ];
}

function familyBlock(side: RouterSide, family: AddressFamily): readonly string[] {
  const lines = side.groups.flatMap((group) => {
    const own = group.families.find((each) => each.family === family);
    return own === undefined ? deactivated(group, family) : activated(group, own);
  });
  if (lines.length === 0) {
    return [];
  }
  const isUsed = side.groups.some(({ families }) => families.some((own) => own.family === family));
  return [
    ` address-family ${family} unicast`,
    ...(isUsed
      ? [
          ...comments("  ", pathsNote(side, "frr")),
          ...pathKinds(side).map(
            (kind) => `  maximum-paths ${kind === "ibgp" ? "ibgp " : ""}${side.paths}`,
          ),
        ]
      : []),
    ...lines,
    " exit-address-family",
  ];
}

function activated({ name }: PeerGroup, family: GroupFamily): readonly string[] {
  return [
    `  neighbor ${name} activate`,
    ...comments("  ", [
      "Without a policy in each direction FRR (since 7.4) takes and sends nothing over an external session.",
    ]),
    `  neighbor ${name} route-map ${name}-in in`,
    `  neighbor ${name} route-map ${name}-out out`,
    ...comments("  ", [`${prefixLimitNote(family)} It may try again after 5 minutes.`]),
    `  neighbor ${name} maximum-prefix ${family.prefixLimit} restart 5`,
  ];
}

/** FRR activates IPv4 unless told otherwise. */
function deactivated({ name }: PeerGroup, family: AddressFamily): readonly string[] {
  return family === "ipv4" ? [`  no neighbor ${name} activate`] : [];
}
