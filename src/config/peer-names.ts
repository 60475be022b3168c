import { type Place, type Report, shown } from "./finding.ts";
import type { PeerConfig } from "./model.ts";
import type { PeerDraft } from "./peer.ts";

export interface PlacedPeer {
  readonly place: Place;
  readonly draft: PeerDraft;
}

/** The peers' names: what a `bgp-advertisements` entry may refer to. */
export interface NamedPeers {
  readonly peers: readonly PeerConfig[];
  /** Addresses with port that several unnamed peers have: no name for one of them. */
  readonly ambiguous: ReadonlySet<string>;
}

/**
 * Gives each peer its name: its own, else `address:port`; the second and later peers without a name
 * at one address and port get `#2`, `#3` behind it.
 *
 * Reports two peers that are equal in everything but their names, with defaults filled in, and two
 * peers of one name.
 */
export function namePeers(drafts: readonly PlacedPeer[], report: Report): NamedPeers {
  const endpoints = new Map<string, number>();
  const taken = new Map<string, Place>();
  const earlier = new Map<string, Place>();
  const ambiguous = new Set<string>();
  const peers: PeerConfig[] = [];
  for (const { place, draft } of drafts) {
    const twin = earlier.get(fingerprint(draft));
    if (twin !== undefined) {
      report(place, `is the same as ${twin.path}, with the defaults filled in: remove one of them`);
      continue;
    }
    earlier.set(fingerprint(draft), place);
    const endpoint = endpointOf(draft);
    const count = (endpoints.get(endpoint) ?? 0) + (draft.name === undefined ? 1 : 0);
    endpoints.set(endpoint, count);
    const name = draft.name ?? (count === 1 ? endpoint : `${endpoint}#${count}`);
    if (draft.name === undefined && count === 2) {
      ambiguous.add(endpoint);
      report(place, `is the second peer at ${endpoint}: give each a name`, "warning");
    }
    const other = taken.get(name);
    if (other !== undefined) {
      report(place, `has the name ${shown(name)}, as ${other.path} has: names are unique`);
      continue;
    }
    taken.set(name, place);
    peers.push({ ...draft, name });
  }
  return { peers, ambiguous };
}

function endpointOf(draft: PeerDraft): string {
  if (draft.peerAddress === "default-gateway") {
    return `default-gateway:${draft.peerPort}`;
  }
  const { family, text } = draft.peerAddress;
  return family === "ipv6" ? `[${text}]:${draft.peerPort}` : `${text}:${draft.peerPort}`;
}

/** Equal for peers that differ in nothing but the name and the order of labels. */
function fingerprint(draft: PeerDraft): string {
  return JSON.stringify({ ...draft, name: "" }, (_key, value: unknown) => {
    if (typeof value === "bigint") {
      return `${value}`;
    }
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  });
}
