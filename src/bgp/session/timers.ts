import type { Clock, Timer } from "./ports.ts";

export type SessionTimerName = "ConnectRetry" | "Hold" | "Keepalive" | "SendHold" | "IdleHold";

/** The longest delay that Node's timers take; a longer one would fire at once. */
const maxDelayMs = 2 ** 31 - 1;

/** KEEPALIVEs are no more frequent than this (RFC 4271 §4.4), jitter or not. */
const minKeepaliveSeconds = 1;

/** Timers that are cut by jitter (RFC 4271 §10); those that judge the peer are not. */
const jittered: readonly SessionTimerName[] = ["ConnectRetry", "Keepalive", "IdleHold"];

/** The named one-shot timers of one connection. */
export class Timers {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #onExpired: (timer: SessionTimerName) => void;
  readonly #running = new Map<SessionTimerName, Timer>();

  constructor(clock: Clock, random: () => number, onExpired: (timer: SessionTimerName) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#onExpired = onExpired;
  }

  /**
   * Starts `timer`, or restarts it.
   *
   * ConnectRetry, IdleHold and Keepalive are cut by a fresh random factor of 0.75 to 1 each time, so
   * that a rack of speakers that boot together does not speak together (RFC 4271 §10). Hold and
   * SendHold are never cut: they judge the peer, which was promised the full time.
   */
  start(timer: SessionTimerName, seconds: number): void {
    const factor = jittered.includes(timer) ? 0.75 + this.#random() / 4 : 1;
    const least = timer === "Keepalive" ? minKeepaliveSeconds : 0;
    const delayMs = Math.max(seconds * factor, least) * 1000;
    this.#schedule(timer, Math.min(delayMs, maxDelayMs), () => {
      if (timer === "Hold" || timer === "SendHold") {
        this.#confirm(timer);
      } else {
        this.#expire(timer);
      }
    });
  }

  stop(timer: SessionTimerName): void {
    this.#running.get(timer)?.cancel();
    this.#running.delete(timer);
  }

  stopAll(): void {
    for (const timer of this.#running.keys()) {
      this.stop(timer);
    }
  }

  /**
   * After a process was stopped or busy for long, timers fire before sockets are read. One turn more
   * lets what the peer sent in time restart the timer.
   */
  #confirm(timer: SessionTimerName): void {
    this.#schedule(timer, 0, () => this.#expire(timer));
  }

  #schedule(timer: SessionTimerName, delayMs: number, callback: () => void): void {
    this.stop(timer);
    this.#running.set(timer, this.#clock.after(delayMs, callback));
  }

  #expire(timer: SessionTimerName): void {
    this.#running.delete(timer);
    this.#onExpired(timer);
  }
}
