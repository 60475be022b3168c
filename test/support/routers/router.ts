import type { AddressFamily } from "../../../src/net/address.ts";

/**
 * The link between the speaker and the router under test, the same for all of them. `eth0` has both
 * families, `eth1` has IPv6 only.
 */
export const link = {
  ipv4: { device: "eth0", router: "172.16.7.1", speaker: "172.16.7.11" },
  ipv6: { device: "eth0", router: "fd00:7::1", speaker: "fd00:7::11" },
  "link-local": { device: "eth0", router: "fe80::7:1", speaker: "fe80::7:11" },
  "ipv6-only": { device: "eth1", router: "fd00:8::1", speaker: "fd00:8::11" },
} as const;

/** An end of the link in writing: a link-local address needs its interface. */
export function addressOf(
  side: "router" | "speaker",
  { transport }: Pick<RouterSettings, "transport">,
): string {
  const { [side]: address, device } = link[transport];
  return transport === "link-local" ? `${address}%${device}` : address;
}

export const routerId = "172.16.9.1";

/** What every router advertises to the speaker. */
export const ownNetworks = { ipv4: "192.0.2.0/24", ipv6: "2001:db8:ffff::/48" } as const;

/** The router's side of one session with the speaker, which always dials. Both families are on. */
export interface RouterSettings {
  readonly transport: keyof typeof link;
  readonly asn: number;
  readonly speakerAsn: number;
  readonly holdTimeSeconds: number;
  readonly password?: string;
  /** GTSM for a speaker one hop away. */
  readonly ttlSecurity?: boolean;
  /** IPv4 routes may have an IPv6 next hop (RFC 8950). */
  readonly extendedNextHop?: boolean;
  /** The router says that it knows AS numbers of two octets only; BIRD can. */
  readonly twoOctetAsn?: boolean;
  /** BFD of 300 ms x 3 watches the session. */
  readonly bfd?: boolean;
}

export interface RouterPlace {
  readonly namespace: string;
  /** For its files; exists, and every user may enter it. */
  readonly directory: string;
}

/** The session with the speaker, as the router shows it. */
export interface NeighbourView {
  readonly isUp: boolean;
  /** The router's own words for the state. */
  readonly state: string;
  readonly remoteAsn?: number;
  readonly holdTimeSeconds?: number;
  /** `agreed`, or what the router shows instead of RFC 8654's capability. */
  readonly extendedMessages: string;
}

/** One route of the speaker's, as the router shows it: values are the router's, spelling is ours. */
export interface SeenRoute {
  /** `64522 64522`. */
  readonly asPath: string;
  /** As many as the router shows; a global address comes before a link-local one. */
  readonly nextHops: readonly string[];
  /** `igp`, `egp` or `incomplete`. */
  readonly origin: string;
  readonly localPref?: number;
  readonly med?: number;
  /** `64512:1`, in numbers even where the router has a name, ascending. */
  readonly communities: readonly string[];
  /** `64512:1:2`. */
  readonly largeCommunities: readonly string[];
  /** Octets per second, where the router knows what a link bandwidth is. */
  readonly linkBandwidth?: number;
  /** Extended communities in the router's own words. */
  readonly extendedCommunities: string;
  /** It is kept for a speaker that is away or has not yet sent End-of-RIB (RFC 4724). */
  readonly isStale?: boolean;
}

/** A router that runs. */
export interface RunningRouter {
  neighbour(): Promise<NeighbourView>;
  /** How many routes of the speaker's it has. */
  count(family: AddressFamily): Promise<number>;
  route(prefix: string): Promise<SeenRoute | undefined>;
  /** Gives the command that asks the speaker for its IPv4 routes again; resolves with its text. */
  refresh(): Promise<string>;
  /** Its log and what it keeps of the end of the last session, in any form. */
  history(): Promise<string>;
  /** BFD's own word for the session with the speaker; only where `bfd` can be set. */
  bfdState?(): Promise<string>;
  /** Ends the process in order (SIGTERM). */
  close(): Promise<void>;
}

/** The router does not run with these settings; the message is its own. */
export class RouterRefusal extends Error {
  override readonly name = "RouterRefusal";
}

/** An implementation of BGP that the speaker is tried against. */
export interface RouterKind {
  readonly name: string;
  /** Short, for the names of instances: lower-case letters. */
  readonly id: string;
  version(): Promise<string>;
  /**
   * Resolves when it takes connections of the speaker's.
   *
   * @throws RouterRefusal
   */
  start(place: RouterPlace, settings: RouterSettings): Promise<RunningRouter>;
}
