import type { ReducedSlice } from "../cluster/endpoint.ts";
import type { Service } from "../cluster/service.ts";
import type { SpeakerSnapshot } from "../cluster/snapshot.ts";
import type { Config } from "../config/model.ts";
import { type CandidateAddress, candidateOf } from "./candidate.ts";
import { reachOf } from "./endpoints.ts";
import { type Claim, whyClaimWithholds } from "./shared-address.ts";
import { type Withheld, withheldAddress } from "./withheld.ts";

/** A Service's claim on an address of a pool, with what the pool offers for it. */
export interface PoolClaim extends Claim {
  readonly candidate: Extract<CandidateAddress, { home: "pool" }>;
  /** The address, as a list. */
  readonly alone: readonly [string];
  /** Its last ready endpoint here ends, and soon counts no more. */
  readonly isLeaving: boolean;
}

/** Where a Service stands on a node, as far as that follows from itself and its endpoints. */
export interface Standing {
  readonly claims: readonly PoolClaim[];
  /** For its addresses that no pool of ours holds. */
  readonly withheld: readonly Withheld[];
  /** What its annotations ask for and its pools do not grant. */
  readonly refused: readonly string[];
}

interface Remembered {
  readonly slices: readonly ReducedSlice[];
  readonly standing: Standing;
}

const memo = new WeakMap<Config, WeakMap<Service, Remembered>>();

/**
 * The standing of a load balancer Service on this node.
 *
 * Remembered for each configuration that lives, until the Service or its list of slices is another
 * object: a pass over thousands of Services then looks anew only at those that changed.
 */
function standingOf(config: Config, service: Service, slices: readonly ReducedSlice[]): Standing {
  let ofConfig = memo.get(config);
  if (ofConfig === undefined) {
    ofConfig = new WeakMap();
    memo.set(config, ofConfig);
  }
  const remembered = ofConfig.get(service);
  if (remembered?.slices === slices) {
    return remembered.standing;
  }
  const standing = makeStanding(config, service, slices);
  ofConfig.set(service, { slices, standing });
  return standing;
}

/** What of a snapshot a standing follows from. */
export type StandingSources = Pick<SpeakerSnapshot, "config" | "endpointSlices">;

/** One for all that have none: there are thousands of Standings. */
const nothing = [] as const;

/** The standing of a load balancer Service of a snapshot. */
export function standingIn(sources: StandingSources, service: Service): Standing {
  const slices = sources.endpointSlices.get(service.key) ?? nothing;
  return standingOf(sources.config, service, slices);
}

function makeStanding(config: Config, service: Service, slices: readonly ReducedSlice[]): Standing {
  const { addresses, refused } = candidateOf(config, service);
  const claims: PoolClaim[] = [];
  const withheld: Withheld[] = [];
  for (const candidate of addresses) {
    const { text } = candidate;
    if (candidate.home === "none") {
      withheld.push(withheldAddress.notInPool(text));
    } else if (candidate.home === "layer2") {
      withheld.push(withheldAddress.layer2(text, candidate.pool));
    } else {
      const { address } = candidate;
      const claim = { service, address, slices, reach: reachOf(slices, address.family) };
      const own = whyClaimWithholds(claim);
      const { reach } = claim;
      const alone = [text] as const;
      claims.push({ service, address, slices, reach, candidate, own, alone, isLeaving: false });
    }
  }
  return { claims, withheld: withheld.length === 0 ? nothing : withheld, refused };
}
