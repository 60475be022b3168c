import type { AddressFamily } from "../net/address.ts";

/** Messages to send now. */
export interface Output {
  readonly octets: Uint8Array;
  readonly updates: number;
  readonly refreshes: number;
  readonly advertised: number;
  readonly withdrawn: number;
  /** Families whose End-of-RIB is among them. */
  readonly endOfRib: readonly AddressFamily[];
}
