import type { Node } from "../../cluster/node.ts";
import type { Config } from "../../config/model.ts";
import type { EventNote } from "../../kube/event-note.ts";
import { type BackoffRange, backoffMs } from "../../runtime/backoff.ts";
import { type Clock, sleep } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Decision } from "../decide.ts";
import { countWithdrawals, isMassWithdrawal, type Withdrawals } from "../guard.ts";
import type { ClusterReads } from "./cluster-reads.ts";
import type { SpeakerStores } from "./stores.ts";

export interface WithdrawalGuardOptions {
  /** 0 to 1: a change that withdraws more of what is advertised is held; absent: none is. */
  readonly share?: number;
  readonly stores: SpeakerStores;
  readonly reads: Pick<ClusterReads, "findPresent">;
  readonly node: () => Node | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** How many withdrawals are held; 0: none. */
  readonly onHeld: (withdrawn: number) => void;
  readonly onChange: () => void;
  readonly recordEvent: (note: EventNote) => void;
}

/** What a decision is to be made of. */
export interface Basis {
  readonly config: Config;
  /** The one before, if what it alone advertises stays, over the sessions that it asks for. */
  readonly kept?: Config;
  /** Objects that are missing in a new list still count as there. */
  readonly withMissing: boolean;
}

type ConfigChoice = Omit<Basis, "withMissing">;

interface Hold {
  readonly untilMs: number;
  readonly withdrawn: number;
}

const holdMs = 10_000;
const backoff: BackoffRange = { baseMs: 1_000, limitMs: 30_000 };

/**
 * Holds changes that would withdraw much at once and that may be a mistake: objects that are missing
 * in a new list, for 10 s and until another list, a consistent read, confirms that they are gone;
 * what a new configuration withdraws, for 10 s, while it advertises at once what it may. Each is
 * reported.
 */
export class WithdrawalGuard {
  readonly #options: WithdrawalGuardOptions;
  /** The newest configuration of which nothing is held. */
  #acting: Config | undefined;
  #configHold: (Hold & { readonly config: Config }) | undefined;
  #missingHold: Hold | undefined;
  /** Missing objects that nobody has looked at yet. */
  #hasUnjudged = false;
  #isConfirming = false;
  readonly #stopped = new AbortController();

  constructor(options: WithdrawalGuardOptions) {
    this.#options = options;
    options.stores.onMissing(() => {
      this.#hasUnjudged = true;
    });
  }

  /**
   * What the next decision is made of. `advertised` is what the peers have by the last one, absent
   * before the first; `decide` gives the routes that a basis leads to.
   */
  choose(
    config: Config,
    advertised: Decision["routes"] | undefined,
    decide: (basis: Basis) => Decision["routes"],
  ): Basis {
    const { share, stores } = this.#options;
    if (share === undefined || advertised === undefined) {
      stores.releaseMissing();
      this.#acting = config;
      return { config, withMissing: false };
    }
    const judge = (kept: Basis, changed: Basis): Withdrawals => {
      const after = decide(changed);
      const most = countWithdrawals(advertised, advertised, after);
      return isMassWithdrawal(most, share)
        ? countWithdrawals(advertised, decide(kept), after)
        : most;
    };
    const chosen = this.#chooseConfig(config, share, judge);
    const basis = { ...chosen, withMissing: this.#keepsMissing(chosen, share, judge) };
    this.#options.onHeld((this.#configHold?.withdrawn ?? 0) + (this.#missingHold?.withdrawn ?? 0));
    return basis;
  }

  close(): void {
    this.#stopped.abort();
  }

  #chooseConfig(
    config: Config,
    share: number,
    judge: (kept: Basis, changed: Basis) => Withdrawals,
  ): ConfigChoice {
    const acting = this.#acting;
    const held = this.#configHold;
    const accept = () => {
      this.#configHold = undefined;
      this.#acting = config;
      return { config };
    };
    if (acting === undefined || config === acting) {
      return accept();
    }
    const nowMs = this.#options.clock.now();
    if (held?.config === config) {
      if (nowMs < held.untilMs) {
        return { config, kept: acting };
      }
      this.#options.logger.warn({ withdrawn: held.withdrawn }, "held withdrawals are done");
      return accept();
    }
    const withMissing = this.#missingHold !== undefined;
    const found = judge({ config: acting, withMissing }, { config, withMissing });
    if (!isMassWithdrawal(found, share)) {
      return accept();
    }
    this.#configHold = { config, untilMs: nowMs + holdMs, withdrawn: found.withdrawn };
    this.#report(found, "a new configuration");
    this.#options.clock.after(holdMs, this.#options.onChange);
    return { config, kept: acting };
  }

  #keepsMissing(
    chosen: ConfigChoice,
    share: number,
    judge: (kept: Basis, changed: Basis) => Withdrawals,
  ): boolean {
    const { stores, clock } = this.#options;
    if (stores.missingCount === 0) {
      this.#missingHold = undefined;
      this.#hasUnjudged = false;
      return false;
    }
    if (this.#hasUnjudged) {
      this.#hasUnjudged = false;
      const found = judge({ ...chosen, withMissing: true }, { ...chosen, withMissing: false });
      if (isMassWithdrawal(found, share)) {
        this.#missingHold = { untilMs: clock.now() + holdMs, withdrawn: found.withdrawn };
        this.#report(found, "objects that are missing in a new list");
        if (!this.#isConfirming) {
          this.#isConfirming = true;
          void this.#confirm();
        }
      } else if (this.#missingHold === undefined) {
        stores.releaseMissing();
      }
    }
    return this.#missingHold !== undefined;
  }

  /** Releases what is held when its time has passed and the server confirmed that it is gone. */
  async #confirm(): Promise<void> {
    const { clock, stores, random, reads, logger, onChange } = this.#options;
    const { signal } = this.#stopped;
    let failures = 0;
    while (this.#missingHold !== undefined && stores.missingCount > 0 && !signal.aborted) {
      const restMs = this.#missingHold.untilMs - clock.now();
      if (restMs > 0) {
        await sleep(clock, restMs, signal);
        continue;
      }
      try {
        const released = await stores.releaseAbsent(reads.findPresent, signal);
        failures = 0;
        logger.warn({ released, left: stores.missingCount }, "held withdrawals are done");
        if (stores.missingCount > 0) {
          this.#missingHold = { ...this.#missingHold, untilMs: clock.now() + holdMs };
        }
        onChange();
      } catch (error) {
        failures += 1;
        logger.debug({ err: error }, "still unknown whether the missing objects are gone");
        await sleep(clock, backoffMs(failures, backoff, random), signal);
      }
    }
    this.#missingHold = undefined;
    this.#isConfirming = false;
  }

  #report({ withdrawn, advertised }: Withdrawals, cause: string): void {
    const { logger, node: ownNode, recordEvent } = this.#options;
    logger.warn({ withdrawn, advertised, cause }, "withdrawals are held");
    const node = ownNode();
    if (node !== undefined) {
      recordEvent({
        subject: { apiVersion: "v1", kind: "Node", name: node.name, uid: node.uid },
        type: "Warning",
        reason: "WithdrawalsHeld",
        message:
          `${withdrawn} of ${advertised} routes would be withdrawn because of ${cause}; ` +
          `held for ${holdMs / 1_000} s (--withdraw-guard)`,
      });
    }
  }
}
