import type { Service } from "../cluster/service.ts";
import type { ControllerSnapshot } from "../cluster/snapshot.ts";
import { eachInSteps, finish, type Steps } from "../cluster/steps.ts";
import type { Config } from "../config/model.ts";
import type { Address } from "../net/address.ts";
import { adoptionSteps, type Claim } from "./adopt.ts";
import type { Allocation } from "./outcome.ts";
import { PoolIndex } from "./pool-index.ts";

/** An address that a Service has and that a new configuration would take from it. */
export interface StrandedAddress {
  readonly serviceKey: string;
  readonly address: string;
  readonly pool: string;
}

/**
 * What `next` would take away from Services, compared with the configuration of `snapshot`, which is
 * in force: addresses that no pool of `next` holds or may give out, and shared ones that may no
 * longer be shared. A move that a Service itself asks for is none of these.
 */
export function findStranded(
  snapshot: ControllerSnapshot,
  previous: Allocation,
  next: Config,
): readonly StrandedAddress[] {
  return finish(strandedSteps(snapshot, previous, next));
}

/** As `findStranded`, in steps. */
export function* strandedSteps(
  snapshot: ControllerSnapshot,
  previous: Allocation,
  next: Config,
): Steps<readonly StrandedAddress[]> {
  const now = yield* adoptionSteps(snapshot, new PoolIndex(snapshot.config), previous);
  const then = yield* adoptionSteps({ ...snapshot, config: next }, new PoolIndex(next), previous);
  const kept = new Map<Service, Claim>();
  yield* eachInSteps(then.claims, (claim) => {
    kept.set(claim.service, claim);
  });
  const stranded: StrandedAddress[] = [];
  yield* eachInSteps(now.claims, ({ service, held, promised }) => {
    for (const { address, pool } of [...held, ...promised]) {
      if (!has(kept.get(service), address)) {
        stranded.push({ serviceKey: service.key, address: address.text, pool: pool.name });
      }
    }
  });
  return stranded;
}

function has(claim: Claim | undefined, { text }: Address): boolean {
  return (
    claim !== undefined &&
    [claim.held, claim.promised].some((booked) =>
      booked.some(({ address }) => address.text === text),
    )
  );
}

/** Names so many Services that an Event can hold it. */
const namedLimit = 8;

/** For the ConfigMap's Event: which Services, and what to do. */
export function formatStranded(stranded: readonly StrandedAddress[]): string {
  const named = stranded
    .slice(0, namedLimit)
    .map(({ serviceKey, address, pool }) => `${serviceKey} (${address} of pool ${pool})`)
    .join(", ");
  const more = stranded.length > namedLimit ? ` and ${stranded.length - namedLimit} more` : "";
  return (
    `not applied, because these Services would lose their address: ${named}${more}. ` +
    'Move or delete them, or set the annotation routelb.io/allow-renumbering: "true" on this ConfigMap'
  );
}
