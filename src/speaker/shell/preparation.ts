import { isLoadBalancer, isOfClass } from "../../cluster/service.ts";
import type { SpeakerSnapshot } from "../../cluster/snapshot.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type StandingSources, standingIn } from "../standing.ts";

/** What of a snapshot is needed. */
export type PreparationSources = StandingSources &
  Pick<SpeakerSnapshot, "services" | "loadBalancerClass">;

/** How long one piece may keep the event loop to itself. */
const sliceMs = 10;
/** The clock is looked at each time so many Services are done. */
const stride = 32;

/**
 * What a first decision of a configuration costs, in pieces: where thousands of Services stand. The
 * decision that follows remembers it.
 */
export class Preparation {
  readonly #steps: Iterator<void>;

  constructor(sources: PreparationSources) {
    this.#steps = stepsOf(sources);
  }

  /** Does one piece; true: all is done. */
  run(clock: Clock): boolean {
    const deadlineMs = clock.now() + sliceMs;
    do {
      if (this.#steps.next().done === true) {
        return true;
      }
    } while (clock.now() < deadlineMs);
    return false;
  }
}

function* stepsOf(sources: PreparationSources): Generator<void> {
  let count = 0;
  for (const service of sources.services.values()) {
    if (isLoadBalancer(service) && isOfClass(service, sources.loadBalancerClass)) {
      standingIn(sources, service);
    }
    count += 1;
    if (count % stride === 0) {
      yield;
    }
  }
}
