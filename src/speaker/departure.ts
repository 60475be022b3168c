import { isEligible, type Node, whyDraining } from "../cluster/node.ts";
import { someSelectorMatches } from "../cluster/selector.ts";
import { familyKey, type SpeakerSnapshot } from "../cluster/snapshot.ts";
import type { Config } from "../config/model.ts";
import { nodesThatServe, settleClaims } from "./shared-address.ts";
import type { PoolClaim } from "./standing.ts";
import { type Withheld, withheldAddress } from "./withheld.ts";

/**
 * What becomes of an address that endpoints put here: `leaves` means that it is advertised with
 * GRACEFUL_SHUTDOWN, since it is about to go.
 */
export type Departure = "stays" | "leaves" | "gone";

/** A route whose endpoint ends is withdrawn after so long, or the drain time where that is shorter. */
const longestEndingMs = 2_000;

/**
 * Judges what the present moment makes of addresses while this node drains, or their last ready
 * endpoint here ends (design.md section 4). One for each decision.
 */
export class Departures {
  readonly #snapshot: SpeakerSnapshot;
  #able: readonly Node[] | undefined;

  constructor(snapshot: SpeakerSnapshot) {
    this.#snapshot = snapshot;
  }

  /**
   * The claim of a Service whose last ready endpoint here may be ending, as it now counts: while no
   * other node is known to serve, as if the endpoint were ready; then for a moment as one that
   * leaves; then as one with no endpoint here.
   */
  settleEnding(claim: PoolClaim): PoolClaim {
    if (!isEnding(claim)) {
      return claim;
    }
    const { service, address, reach } = claim;
    const { endings, nowMs, drainTimeMs } = this.#snapshot;
    const ending = endings.get(familyKey(service.key, address.family));
    const sinceMs = ending?.servedElsewhereSinceMs;
    if (sinceMs === undefined) {
      return { ...claim, reach: { ...reach, here: true }, own: undefined };
    }
    return nowMs < sinceMs + endingTimeMs(drainTimeMs)
      ? { ...claim, reach: { ...reach, here: true }, own: undefined, isLeaving: true }
      : ended(claim);
  }

  /** Of an address that the endpoints of these Services, all that have it, put here. */
  of(claims: readonly PoolClaim[]): Departure {
    const { drain, nowMs, drainTimeMs } = this.#snapshot;
    if (drain !== undefined && nowMs >= drain.sinceMs + drainTimeMs && this.#isElsewhere(claims)) {
      return "gone";
    }
    return drain !== undefined || isAboutToEnd(claims) ? "leaves" : "stays";
  }

  /** Why an address that is `gone` is not advertised. */
  reasonFor({ candidate }: PoolClaim): Withheld {
    return withheldAddress.nodeDraining(
      candidate.text,
      this.#snapshot.drain?.cause ?? "annotation",
    );
  }

  /** Whether another node that does not drain serves the address. */
  #isElsewhere(claims: readonly PoolClaim[]): boolean {
    const serving = nodesThatServe(claims);
    this.#able ??= ableNodes(this.#snapshot);
    return this.#able.some(
      (node) =>
        (serving === "any" || serving.has(node.name)) &&
        claims.some(({ candidate }) => mayAdvertise(this.#snapshot.config, candidate, node)),
    );
  }
}

/** Of a `Local` Service; with `Cluster` any node's endpoint serves. */
export function isEnding({ service, reach }: PoolClaim): boolean {
  return reach.isEnding && service.externalTrafficPolicy === "Local";
}

/** When the next decision may differ for no other reason than that time has passed. */
export function nextDeadlineMs(snapshot: SpeakerSnapshot): number | undefined {
  const { drain, endings, drainTimeMs, nowMs } = snapshot;
  const deadlines = [...endings.values()].map(
    ({ servedElsewhereSinceMs = Infinity }) => servedElsewhereSinceMs + endingTimeMs(drainTimeMs),
  );
  if (drain !== undefined) {
    deadlines.push(drain.sinceMs + drainTimeMs);
  }
  const next = Math.min(...deadlines.filter((atMs) => atMs > nowMs));
  return next === Infinity ? undefined : next;
}

function endingTimeMs(drainTimeMs: number): number {
  return Math.min(drainTimeMs, longestEndingMs);
}

function ended(claim: PoolClaim): PoolClaim {
  const own = withheldAddress.endpointEnding(claim.candidate.text);
  return { ...claim, reach: { ...claim.reach, here: false }, own };
}

/** Whether nothing keeps the address here once those claims that leave have left. */
function isAboutToEnd(claims: readonly PoolClaim[]): boolean {
  if (!claims.some(({ isLeaving }) => isLeaving)) {
    return false;
  }
  const after = claims.map((claim) => (claim.isLeaving ? ended(claim) : claim));
  return settleClaims(after).every((reason) => reason !== undefined);
}

/** The other nodes that can advertise and do not drain; none while they are not known. */
function ableNodes(snapshot: SpeakerSnapshot): readonly Node[] {
  const { drain, node } = snapshot;
  const others = drain?.others;
  return (others?.nodes ?? []).filter(
    (other) =>
      other.name !== node.name &&
      others?.withSpeaker.has(other.name) === true &&
      mayServe(other, snapshot),
  );
}

/** Whether a node is one to rely on, as far as its own object says. */
export function mayServe(
  node: Node,
  rules: Pick<SpeakerSnapshot, "ignoreExcludeLabel" | "drainOnCordon">,
): boolean {
  return (
    isEligible(node, rules.ignoreExcludeLabel) &&
    whyDraining(node, rules.drainOnCordon) === undefined
  );
}

/** Whether an advertisement of the Service, and a peer that it goes to, are for that node. */
export function mayAdvertise(
  config: Config,
  { offers }: PoolClaim["candidate"],
  { labels }: Node,
): boolean {
  return offers.some(
    ({ advertisement }) =>
      someSelectorMatches(advertisement.nodeSelectors, labels) &&
      config.peers.some(
        ({ name, nodeSelectors }) =>
          (advertisement.peers.length === 0 || advertisement.peers.includes(name)) &&
          someSelectorMatches(nodeSelectors, labels),
      ),
  );
}
