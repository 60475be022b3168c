import type { Address } from "../net/address.ts";

/** One end of a session, as its OPEN shows it. */
export interface SpeakerIdentity {
  readonly routerId: Address;
  readonly asn: number;
}

/**
 * Which of two connections with one peer lives: the one that was opened by the speaker with the
 * higher BGP Identifier, or if they are equal, by the one with the higher AS number
 * (RFC 4271 §6.8, RFC 6286 §2.3).
 */
export function survivingConnection(
  local: SpeakerIdentity,
  remote: SpeakerIdentity,
): "opened-by-us" | "opened-by-peer" {
  const weAreHigher =
    local.routerId.value === remote.routerId.value
      ? local.asn > remote.asn
      : local.routerId.value > remote.routerId.value;
  return weAreHigher ? "opened-by-us" : "opened-by-peer";
}
