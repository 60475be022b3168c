import {
  type Address,
  type AddressFamily,
  isLinkLocal,
  isLoopback,
  makeAddress,
} from "../net/address.ts";

/** An interface of this host, with its global addresses (no loopback, no link-local ones). */
export interface LocalInterface {
  readonly name: string;
  readonly addresses: readonly Address[];
}

/** The next hop of our routes of one family, on one session. */
export interface NextHop {
  readonly address: Address;
  /** The session's link-local address, sent beside a global one (RFC 2545 §3). */
  readonly linkLocal?: Address;
}

/** A family without one is absent. */
export type NextHops = Partial<Readonly<Record<AddressFamily, NextHop>>>;

export interface NextHopOptions {
  /** Our end of the session's TCP connection. */
  readonly localAddress: Address;
  /** Internal addresses of the Node, in order of preference. */
  readonly nodeAddresses: readonly Address[];
  readonly interfaces: readonly LocalInterface[];
  /** The peer takes IPv4 routes with an IPv6 next hop (RFC 8950). */
  readonly extendedNextHop: boolean;
}

/** Interfaces that hold Service addresses of the cluster, which routers must not send packets to. */
const notForNextHops = new Set(["kube-ipvs0", "nodelocaldns", "lo"]);

/**
 * Chooses the next hop for each family; a family without one is absent.
 *
 * The session's own address serves its own family. The other family gets the Node's address of that
 * family if it is on this host, else the first global one on the session's interface. Over loopback
 * (a BGP daemon on the node passes our routes on) the Node's addresses serve both. A link-local
 * session sends the Node's global IPv6 address with the link-local one beside it, or the link-local
 * one alone: routers use it on that very link only.
 *
 * Deviation: RFC 2545 §3 puts the link-local address beside a global one wherever the router shares
 * the link. We do so on link-local sessions only, because a router that was dialled at an address of
 * its far side would look for ours on another link.
 */
export function chooseNextHops(options: NextHopOptions): NextHops {
  const local = unmapped(options.localAddress);
  const ipv6 = chooseIpv6(options, local);
  const ipv4Address =
    local.family === "ipv4" && !isLoopback(local) ? local : chooseOfNode(options, local, "ipv4");
  const ipv4 =
    ipv4Address !== undefined
      ? { address: ipv4Address }
      : options.extendedNextHop && ipv6 !== undefined
        ? ipv6
        : undefined;
  return { ...(ipv4 && { ipv4 }), ...(ipv6 && { ipv6 }) };
}

function chooseIpv6(options: NextHopOptions, local: Address): NextHop | undefined {
  if (local.family === "ipv6" && !isLoopback(local)) {
    if (!isLinkLocal(local)) {
      return { address: withoutZone(local) };
    }
    const global = chooseOfNode(options, local, "ipv6");
    const linkLocal = withoutZone(local);
    return global === undefined ? { address: linkLocal } : { address: global, linkLocal };
  }
  const address = chooseOfNode(options, local, "ipv6");
  return address && { address };
}

function chooseOfNode(
  options: NextHopOptions,
  local: Address,
  family: AddressFamily,
): Address | undefined {
  const usable = options.interfaces.filter(({ name }) => !notForNextHops.has(name));
  const here = new Set(usable.flatMap(({ addresses }) => addresses.map(({ text }) => text)));
  const ofNode = options.nodeAddresses.find(
    (address) => address.family === family && here.has(address.text),
  );
  if (ofNode !== undefined) {
    return ofNode;
  }
  const ofSession = usable.find(
    ({ name, addresses }) =>
      name === local.zone || addresses.some(({ text }) => text === local.text),
  );
  return ofSession?.addresses.find((address) => address.family === family);
}

export function areEqualNextHops(a: NextHops, b: NextHops): boolean {
  return (["ipv4", "ipv6"] as const).every(
    (family) =>
      a[family]?.address.text === b[family]?.address.text &&
      a[family]?.linkLocal?.text === b[family]?.linkLocal?.text,
  );
}

/** `::ffff:10.0.0.1` is how a socket of both families shows 10.0.0.1 (RFC 4291 §2.5.5.2). */
function unmapped(address: Address): Address {
  return address.family === "ipv6" && address.value >> 32n === 0xffffn
    ? makeAddress("ipv4", address.value & 0xffffffffn)
    : address;
}

function withoutZone(address: Address): Address {
  return makeAddress(address.family, address.value);
}
