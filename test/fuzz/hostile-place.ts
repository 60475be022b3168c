import { type Address, makeAddress } from "../../src/net/address.ts";

/** Where hostile routers are: addresses of loopback that no other run uses, all on one port. */
export interface HostilePlace {
  /** The first 24 bits of the addresses, as a number. */
  readonly network: number;
  readonly port: number;
  /** How many routers, at most 250. */
  readonly count: number;
}

export function hostilePlace(pid: number, count: number): HostilePlace {
  return { network: 0x7f_0000 | (0x100 + (pid % 0xfe00)), port: 1790, count };
}

/** The address that router `index` listens on and dials from. */
export function hostileAddress(network: number, index: number): Address {
  return makeAddress("ipv4", BigInt(network) * 256n + BigInt(index + 1));
}

/** Where the speaker takes their connections. */
export function listenAddress(network: number): Address {
  return hostileAddress(network, 253);
}
