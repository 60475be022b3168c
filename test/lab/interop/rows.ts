export interface Row {
  readonly title: string;
  /** What must be seen for a "yes". */
  readonly check: string;
}

/** The rows of the matrix, in the order of the document. */
export const rows = {
  ipv4: {
    title: "Session over IPv4",
    check: "the router shows it established, with our AS number and the smaller of the Hold Times",
  },
  ipv6: { title: "Session over IPv6", check: "the same over IPv6" },
  "link-local": {
    title: "Session over link-local addresses (RFC 2545)",
    check:
      "established; next hop of an IPv6 route: the node's global address, and its link-local one beside it where the router shows both",
  },
  "four-octet-asn": {
    title: "4-octet AS numbers (RFC 6793)",
    check: "AS 4200000001 with AS 4200000000; the router shows both the neighbour's and the path's",
  },
  internal: {
    title: "Internal session",
    check: "the router of the same AS shows an empty AS_PATH",
  },
  "wrong-asn": {
    title: "Wrong AS number",
    check: "the router refuses us with Bad Peer AS, and the speaker says so",
  },
  md5: { title: "TCP MD5, right key (RFC 2385)", check: "established" },
  "md5-wrong": {
    title: "TCP MD5, wrong or no key",
    check: "no session; the router's kernel counts the segments, the speaker asks for the password",
  },
  gtsm: { title: "GTSM (RFC 5082)", check: "established with TTL 255 required on both sides" },
  "gtsm-one-sided": {
    title: "GTSM on the router only",
    check: "no session for a speaker that sends TTL 64",
  },
  "hold-timer": {
    title: "Hold Time on a cut link",
    check:
      "both sides drop the session when all packets are lost for 3 s; the router says that its timer expired and has no route left; after the cut all is back without help",
  },
  "router-restart": {
    title: "Restart of the router",
    check: "the router's process ends and starts again; all routes are back without help",
  },
  "shutdown-text": {
    title: "Shutdown text (RFC 9003)",
    check: "the text that the speaker leaves with is in the router's log or status",
  },
  "graceful-restart": {
    title: "Graceful restart (RFC 4724): speaker killed",
    check:
      "SIGKILL: the routes stay, stale where the router shows that; a new speaker process: they stay until its End-of-RIB, then exactly what it sent is left",
  },
  "restart-exit": {
    title: "Graceful restart: TCP closed without NOTIFICATION",
    check: "the routes stay when the speaker leaves by its exit for restarts",
  },
  boot: {
    title: "Graceful restart: node booted",
    check:
      "the speaker comes back with the forwarding bit clear: the routes go before it sends any",
  },
  bfd: {
    title: "BFD (RFC 5880, 5881) 3 x 300 ms",
    check:
      "up on both sides; on a cut link the router drops a session of Hold Time 90 s within 5 s",
  },
  "ten-prefixes": { title: "10 prefixes", check: "all in the router's table" },
  "many-prefixes": { title: "10,000 prefixes", check: "all in the router's table" },
  withdraw: {
    title: "Withdrawal",
    check: "of 1 in 10,000, in one UPDATE; then of all",
  },
  "extended-messages": {
    title: "Extended messages (RFC 8654)",
    check:
      "the router agrees to them, and takes 9,990 prefixes in fewer UPDATEs than 4,096 octets each would need",
  },
  refresh: {
    title: "Route refresh (RFC 2918)",
    check: "an operator's command on the router makes the speaker send all routes again",
  },
  "enhanced-refresh": {
    title: "Enhanced route refresh (RFC 7313)",
    check: "begin and end of it are sent, and the router does not complain",
  },
  "own-routes": {
    title: "Routes of the router",
    check: "the speaker counts the two that it gets and finds nothing malformed in them",
  },
  origin: { title: "ORIGIN", check: "incomplete" },
  "as-path": { title: "AS_PATH", check: "our AS number once" },
  prepend: { title: "AS_PATH prepended twice", check: "our AS number three times" },
  "next-hop": { title: "NEXT_HOP", check: "the session's address" },
  med: { title: "MULTI_EXIT_DISC", check: "7" },
  "local-pref": { title: "LOCAL_PREF, internal", check: "250" },
  communities: {
    title: "Communities (RFC 1997, RFC 8326)",
    check: "64512:1 and GRACEFUL_SHUTDOWN, 65535:0",
  },
  "large-communities": { title: "Large communities (RFC 8092)", check: "4200000000:1:2" },
  "link-bandwidth": {
    title: "Link bandwidth, transitive, external",
    check: "the router knows it as such, with 3,000,000 octets per second",
  },
  "link-bandwidth-internal": {
    title: "Link bandwidth, non-transitive, internal",
    check: "the same",
  },
  "ipv6-over-ipv4": {
    title: "IPv6 routes over an IPv4 session (RFC 4760, 2545)",
    check: "next hop: the node's global IPv6 address",
  },
  "ipv4-over-ipv6": {
    title: "IPv4 routes over an IPv6 session",
    check: "next hop: the node's IPv4 address",
  },
  "extended-next-hop": {
    title: "IPv4 routes with an IPv6 next hop (RFC 8950)",
    check: "on a link without IPv4; next hop: the session's IPv6 address",
  },
} as const satisfies Record<string, Row>;

export type RowName = keyof typeof rows;

/** What the router answered: `yes`, or how it differs, in its own words as far as it has some. */
export type Answers = Partial<Record<RowName, string>>;
