import type { SessionStatus } from "../../bgp/session/status.ts";

/** How long after its start a speaker counts as ready although a peer has not got all routes. */
const readyAfterMs = 30_000;

/**
 * Whether a rolling update may go on to the next node: at first only when every peer got its
 * End-of-RIB, or after 30 s; once that was so, the loss of a session no longer matters.
 */
export class Readiness {
  readonly #startedMs: number;
  #wasReady = false;

  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  /** `waitingFor` is what keeps the speaker from deciding. */
  whyNot(
    waitingFor: readonly string[],
    statuses: readonly SessionStatus[],
    nowMs: number,
  ): readonly string[] {
    if (waitingFor.length > 0 || this.#wasReady) {
      return waitingFor;
    }
    const behind = statuses.filter(({ synced }) => !synced);
    if (behind.length === 0 || nowMs - this.#startedMs >= readyAfterMs) {
      this.#wasReady = true;
      return [];
    }
    return behind.map(({ name, state }) => `${name} has not got all routes yet (${state})`);
  }
}
