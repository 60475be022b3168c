import { type Address, isLinkLocal, makeAddress } from "../net/address.ts";

/** Route flags of the kernel (linux/route.h). */
const RouteFlag = { up: 0x1, gateway: 0x2 } as const;

interface DefaultRoute {
  readonly gateway: Address;
  readonly metric: number;
}

/**
 * The gateways of the default routes with the lowest metric: those of IPv4, or where there is none,
 * those of IPv6, with the interface as the zone of a link-local one.
 *
 * Takes the texts of `/proc/net/route` and `/proc/net/ipv6_route`.
 */
export function parseDefaultGateways(ipv4Table: string, ipv6Table: string): readonly Address[] {
  const ipv4 = nearest(ipv4Table.split("\n").flatMap(parseIpv4Route));
  return ipv4.length > 0 ? ipv4 : nearest(ipv6Table.split("\n").flatMap(parseIpv6Route));
}

function nearest(routes: readonly DefaultRoute[]): readonly Address[] {
  const lowest = Math.min(...routes.map(({ metric }) => metric));
  const gateways = routes
    .filter(({ metric }) => metric === lowest)
    .map(({ gateway }): [string, Address] => [gateway.text, gateway]);
  return [...new Map(gateways).values()];
}

/**
 * `Iface Destination Gateway Flags RefCnt Use Metric Mask ...`, with addresses in the byte order of
 * the host: read as little-endian, which amd64 and arm64 are.
 */
function parseIpv4Route(line: string): DefaultRoute[] {
  const [, destination, gateway = "", flags = "", , , metric, mask] = line.trim().split(/\s+/);
  if (destination !== "00000000" || mask !== "00000000" || !isUsable(flags)) {
    return [];
  }
  const octets = /^([0-9A-F]{2})([0-9A-F]{2})([0-9A-F]{2})([0-9A-F]{2})$/i.exec(gateway);
  if (octets === null) {
    return [];
  }
  const value = BigInt(`0x${octets.slice(1).toReversed().join("")}`);
  return [{ gateway: makeAddress("ipv4", value), metric: Number(metric) }];
}

/** `destination length source length next-hop metric refcnt use flags iface`, all hexadecimal. */
function parseIpv6Route(line: string): DefaultRoute[] {
  const [destination = "", length, , , nextHop = "", metric, , , flags = "", zone] = line
    .trim()
    .split(/\s+/);
  if (!/^0{32}$/.test(destination) || length !== "00" || !isUsable(flags)) {
    return [];
  }
  if (!/^[0-9a-f]{32}$/i.test(nextHop)) {
    return [];
  }
  const address = makeAddress("ipv6", BigInt(`0x${nextHop}`));
  const gateway = isLinkLocal(address) ? makeAddress("ipv6", address.value, zone) : address;
  return [{ gateway, metric: Number.parseInt(metric ?? "", 16) }];
}

function isUsable(flagsText: string): boolean {
  const needed = RouteFlag.up | RouteFlag.gateway;
  return (Number.parseInt(flagsText, 16) & needed) === needed;
}
