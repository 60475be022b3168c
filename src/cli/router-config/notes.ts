import type { PeerConfig } from "../../config/model.ts";
import type { GroupFamily, PeerGroup, RouterSide } from "./router-side.ts";

/** Comment lines; what comes from a configuration cannot end them. */
export function commentLines(mark: string, texts: readonly string[]): readonly string[] {
  return texts.map((text) => `${mark} ${text.replaceAll(/\s/g, " ")}`);
}

/** The words for external and internal sessions that a limit of paths needs. */
export function pathKinds({ groups }: RouterSide): readonly ("ebgp" | "ibgp")[] {
  const kinds = groups.map(({ isInternal }) => (isInternal ? "ibgp" : "ebgp"));
  return [...new Set(kinds)];
}

/** What stands for a password, in every dialect: a session with it stays down. */
export const placeholderPassword = "REPLACE-WITH-THE-PASSWORD";

/** Of every Linux router, whatever the routing daemon. */
export const hashNotes: readonly string[] = [
  "By default Linux balances addresses, and all connections of one client go to one node. Over ports as well:",
  "  sysctl -w net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1",
  "  (a file in /etc/sysctl.d/ keeps it)",
];

export const filterNote = "Only addresses of RouteLB's pools are taken from the nodes.";

export function passwordNote(source: string): string {
  return `TCP MD5 (RFC 2385). The password: ${source}`;
}

export function portNote(port: number, how: string): string {
  return port === 179
    ? "It listens on the usual port, 179."
    : `The nodes dial port ${port}: the daemon must listen there (${how}).`;
}

export function gracefulRestartNote({ gracefulRestart }: PeerConfig): string {
  return gracefulRestart === undefined
    ? "Graceful restart is off at the nodes: routes go as soon as a speaker restarts."
    : `Graceful restart (RFC 4724): routes of a speaker that restarts are kept up to ${gracefulRestart.restartTimeSeconds} s.`;
}

export function prefixLimitNote({ count, prefixLimit }: GroupFamily): string {
  return count > BigInt(prefixLimit)
    ? `More than ${prefixLimit} routes are a mistake, and end the session.`
    : `More than the pools can give (${count}) is a mistake, and ends the session.`;
}

/** `test/lab/bench-router.test.ts` does the same to neighbours by name, which bgpd outlives. */
export const listenRangeCrash =
  "bgpd of FRR 8.4.4 crashes if a node of the range dies before it advertised any route: name the nodes where you can.";

/** Why the filter or the neighbours may have to be changed later. */
export function neighbourNotes({
  listenRange,
  unknown,
  neighbours = [],
}: PeerGroup): readonly string[] {
  if (listenRange !== undefined) {
    return [
      "Whoever has an address of this range may open a session: use MD5 if that is not only nodes.",
    ];
  }
  return [
    neighbours.length === 0
      ? "No node has this session."
      : "One neighbour for each node; a node that is added later needs its lines here.",
    ...unknown.map((text) => `To be written by hand: ${text}.`),
  ];
}

/** Both ends must agree on single-hop (UDP 3784) or multihop (UDP 4784). */
export function bfdNotes(
  { entry, isOnLink, isMultihop }: PeerGroup,
  dialect: "frr" | "vyos" | "bird",
): readonly string[] {
  const takesFarSide = dialect === "bird" || isMultihop || isOnLink;
  return [
    isMultihop
      ? "BFD over several hops (UDP 4784), as the nodes do it for this entry."
      : "BFD over one hop (UDP 3784), as the nodes do it for this entry.",
    ...(takesFarSide
      ? []
      : [
          "CAUTION: the nodes dial an address that seems to be on another link of this router. FRR looks for",
          "them on that link, and BFD never comes up. Let them dial the address on their own link, or set",
          "ebgp-multihop: true in the entry.",
        ]),
    ...(dialect === "bird" && isMultihop && entry.bfdProfile !== undefined
      ? [
          `BIRD 2.0 sends these packets with TTL 64; the nodes take none below ${entry.bfdProfile.minimumTtl}: see minimum-ttl.`,
        ]
      : []),
  ];
}

export function pathsNote(
  { paths, groups }: RouterSide,
  dialect: "frr" | "vyos" | "bird",
): readonly string[] {
  const nodes = new Set(groups.flatMap(({ neighbours = [] }) => neighbours.map(({ node }) => node)))
    .size;
  const isCounted = groups.every(({ listenRange }) => listenRange === undefined);
  const limit = {
    frr: "`show zebra` tells the most that this build takes",
    vyos: "an unset value is not the same everywhere",
    bird: "without `merge paths` the kernel gets one next hop",
  };
  return [
    `ECMP: next hops of one route. ${isCounted ? `There are ${nodes} nodes` : "Raise it for more nodes"}; ${limit[dialect]}.`,
    ...(isCounted && nodes > paths
      ? [
          `CAUTION: ${nodes} nodes are more than ${paths}: the others get no traffic from this router.`,
        ]
      : []),
  ];
}
