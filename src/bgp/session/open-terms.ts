import type { Address } from "../../net/address.ts";
import type { OpenTerms } from "../negotiate.ts";
import { deriveRouterId } from "../router-id.ts";
import type { LocalNode, SessionPeer } from "./options.ts";

export interface OpenTermsSources {
  readonly peer: SessionPeer;
  readonly node: LocalNode;
  /** Our end of the connection. */
  readonly local: Address;
  /** No session with this peer was up in the life of this process. */
  readonly isFirstSession: boolean;
  readonly uptimeSeconds: number;
}

/** The field has twelve bits (RFC 4724 §3). */
const maxRestartTimeSeconds = 4_095;

/** What our OPEN says on this connection. */
export function openTerms(sources: OpenTermsSources): OpenTerms {
  const { peer, node, local, isFirstSession, uptimeSeconds } = sources;
  const restart = peer.gracefulRestart;
  const restartTimeSeconds = Math.min(restart?.restartTimeSeconds ?? 0, maxRestartTimeSeconds);
  return {
    localAsn: peer.localAsn,
    peerAsn: peer.peerAsn,
    holdTimeSeconds: peer.holdTimeSeconds,
    ...(peer.keepaliveTimeSeconds !== undefined && {
      keepaliveTimeSeconds: peer.keepaliveTimeSeconds,
    }),
    routerId: peer.routerId ?? deriveRouterId(local, node),
    families: peer.families,
    offerExtendedNextHop: local.family === "ipv6",
    ...(restart && {
      gracefulRestart: {
        restartTimeSeconds,
        restarted: isFirstSession,
        // A machine that booted within the time that routes are kept has forgotten how to forward.
        forwarding: uptimeSeconds >= restartTimeSeconds + peer.holdTimeSeconds,
      },
    }),
    hostname: node.name,
  };
}
