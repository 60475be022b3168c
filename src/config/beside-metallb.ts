import type { PlacedAdvertisement } from "./advertisement.ts";
import type { Place, Report } from "./finding.ts";
import type { PeerConfig } from "./model.ts";

/**
 * The names of the internal peers, which are told LOCAL_PREF (RFC 4271 §5.1.5): where nothing is written,
 * MetalLB up to 0.12 sends them 0, and we 100.
 */
export function internalPeers(peers: readonly PeerConfig[]): ReadonlySet<string> {
  const internal = peers.filter(
    ({ myAsn, peerAsn }) => peerAsn === "internal" || peerAsn === myAsn,
  );
  return new Set(internal.map(({ name }) => name));
}

/**
 * Warns of each advertisement of a pool that says nothing of LOCAL_PREF and goes to one of `uneven`.
 *
 * @param pool where a `bgp-advertisements` that is missing would stand
 */
export function checkLocalPref(
  advertisements: readonly PlacedAdvertisement[],
  pool: Place,
  uneven: ReadonlySet<string>,
  report: Report,
): void {
  const silent =
    advertisements.length === 0
      ? [{ place: pool, peers: [] }]
      : advertisements
          .filter(({ hasLocalPref }) => !hasLocalPref)
          .map(({ place, value }) => ({ place, peers: value.peers }));
  for (const { place, peers } of silent) {
    const name = [...uneven].find((one) => peers.length === 0 || peers.includes(one));
    if (name !== undefined) {
      report(
        place,
        `has no localpref and goes to ${name}, an internal peer: MetalLB up to 0.12 sends 0 then, ` +
          "and we 100, so that the first node that changes over draws all traffic; write localpref: 0 until the last has (docs/migrate.md)",
        "warning",
      );
    }
  }
}
