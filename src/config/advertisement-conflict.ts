import type { AddressRange } from "../net/range.ts";
import type { PlacedAdvertisement } from "./advertisement.ts";
import type { Report } from "./finding.ts";
import type { AdvertisementConfig } from "./model.ts";

/**
 * Reports advertisements of one pool that exclude each other: one that is written twice, and two
 * that give one prefix to one peer with different LOCAL_PREFs, so that neither is what the user meant.
 */
export function checkAdvertisements(
  advertisements: readonly PlacedAdvertisement[],
  ranges: readonly AddressRange[],
  report: Report,
): void {
  for (const [index, later] of advertisements.entries()) {
    for (const earlier of advertisements.slice(0, index)) {
      if (earlier.spelling === later.spelling) {
        report(later.place, `is the same as ${earlier.place.path}: remove one of them`);
        break;
      }
      if (areInConflict(earlier.value, later.value, ranges)) {
        report(
          later.localPrefPlace,
          `localpref ${later.value.localPref} contradicts ${earlier.value.localPref} of ${earlier.place.path}, which has the same prefixes and peers: make them equal, or tell them apart with peers, node-selectors or service-selectors`,
        );
        break;
      }
    }
  }
}

function areInConflict(
  a: AdvertisementConfig,
  b: AdvertisementConfig,
  ranges: readonly AddressRange[],
): boolean {
  const hasEqualLength = ranges.some((range) =>
    range.family === "ipv4"
      ? a.aggregationLength === b.aggregationLength
      : a.aggregationLengthV6 === b.aggregationLengthV6,
  );
  const sharePeer =
    a.peers.length === 0 || b.peers.length === 0 || a.peers.some((peer) => b.peers.includes(peer));
  return (
    a.localPref !== b.localPref && hasEqualLength && sharePeer && !isSelective(a) && !isSelective(b)
  );
}

function isSelective({ nodeSelectors, serviceSelectors }: AdvertisementConfig): boolean {
  return nodeSelectors.length > 0 || serviceSelectors.length > 0;
}
