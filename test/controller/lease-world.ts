import {
  actingTenure,
  type LeaseMemory,
  type LeaseRecord,
  type LeaseTerms,
  type Moment,
  observeLease,
  planLease,
  takeWritten,
} from "../../src/controller/lease.ts";

/** What happens to one replica. */
export interface ReplicaPlan {
  /** Its clock's speed, by the true time. */
  readonly rate: number;
  readonly startMs: number;
  /** It stands still: nothing runs, nothing is sent. */
  readonly pauses: readonly Span[];
  /** As a pause, but its steady clock stands still as well. */
  readonly sleeps: readonly Span[];
  /** Requests are lost, or their answers. */
  readonly cuts: readonly Span[];
  /** It ends and gives the Lease back; a new one starts in its place. */
  readonly restarts: readonly number[];
}

export interface Span {
  readonly startMs: number;
  readonly lengthMs: number;
}

/** A write of a leader that reached the server. */
export interface ArrivedWrite {
  readonly atMs: number;
  readonly sentMs: number;
  /** Which replica in which of its tenures. */
  readonly leader: string;
}

const tryMs = 2_000;
const callLimitMs = 5_000;
const lookMs = 500;
export const terms = { durationMs: 15_000, renewMs: 10_000, writeLimitMs: 10_000 };

/**
 * Replicas with clocks of their own, one Lease, and a network that delays and loses: a simulation in
 * true time.
 */
export class LeaseWorld {
  readonly arrived: ArrivedWrite[] = [];
  readonly #random: () => number;
  readonly #queue: { readonly atMs: number; readonly run: () => void }[] = [];
  #nowMs = 0;
  #lease: LeaseRecord | undefined;
  #version = 0;
  #replicas = 0;

  constructor(plans: readonly ReplicaPlan[], random: () => number) {
    this.#random = random;
    for (const plan of plans) {
      this.at(plan.startMs, () => this.#start(plan));
    }
  }

  run(endMs: number): void {
    for (;;) {
      let first = 0;
      for (const [index, { atMs }] of this.#queue.entries()) {
        first = atMs < (this.#queue[first]?.atMs ?? 0) ? index : first;
      }
      const next = this.#queue[first];
      if (next === undefined || next.atMs > endMs) {
        return;
      }
      this.#queue.splice(first, 1);
      this.#nowMs = next.atMs;
      next.run();
    }
  }

  at(atMs: number, run: () => void): void {
    this.#queue.push({ atMs, run });
  }

  #start(plan: ReplicaPlan): void {
    this.#replicas += 1;
    const replica = new Replica(plan, { ...terms, identity: `replica ${this.#replicas}` });
    const restartMs = plan.restarts.find((ms) => ms > this.#nowMs);
    this.#try(replica);
    this.#look(replica);
    if (restartMs !== undefined) {
      this.at(restartMs, () => this.#restart(replica));
    }
  }

  /** Calls `run` when the replica runs again. */
  #whenAwake(replica: Replica, delayMs: number, run: () => void): void {
    const atMs = replica.awakeAt(this.#nowMs + delayMs / replica.plan.rate);
    this.at(atMs, () => {
      if (!replica.hasEnded) {
        run();
      }
    });
  }

  #try(replica: Replica): void {
    this.#whenAwake(replica, tryMs, () => this.#try(replica));
    this.#call(
      replica,
      callLimitMs,
      () => this.#lease,
      (record) => {
        replica.observe(record, this.#nowMs);
        const step = planLease(replica.memory, replica.terms, replica.now(this.#nowMs).steadyMs);
        if (step.type === "wait") {
          return;
        }
        const sent = replica.now(this.#nowMs);
        const expected = step.type === "create" ? undefined : step.record.resourceVersion;
        const holder = replica.terms.identity;
        this.#call(
          replica,
          callLimitMs,
          () => this.#write(expected, holder),
          (written) => {
            if (written !== undefined) {
              replica.memory = takeWritten(replica.memory, replica.terms, step, written, sent);
            }
          },
        );
      },
    );
  }

  /** A leader writes all the time; each write is sent only after a look at its Lease. */
  #look(replica: Replica): void {
    this.#whenAwake(replica, lookMs, () => this.#look(replica));
    const now = replica.now(this.#nowMs);
    const tenure = actingTenure(replica.memory, replica.terms, now);
    if (tenure === undefined) {
      return;
    }
    const leader = `${replica.terms.identity} since ${Math.round(tenure.sinceMs)}`;
    const sentMs = this.#nowMs;
    const limitMs = terms.writeLimitMs / replica.plan.rate;
    this.at(sentMs + this.#random() * limitMs, () => {
      this.arrived.push({ atMs: this.#nowMs, sentMs, leader });
    });
  }

  /** The answer may come late or never; what was asked for may be done all the same. */
  #call<T>(replica: Replica, limitMs: number, serve: () => T, take: (answer: T) => void): void {
    const { plan } = replica;
    const limit = limitMs / plan.rate;
    const arrivesMs = this.#nowMs + this.#random() ** 4 * limit;
    const answeredMs = arrivesMs + this.#random() ** 4 * limit;
    const isLost = isWithin(plan.cuts, this.#nowMs) && this.#random() < 0.5;
    const startMs = this.#nowMs;
    if (isLost) {
      return;
    }
    this.at(arrivesMs, () => {
      const answer = serve();
      const atMs = replica.awakeAt(answeredMs);
      const isTooLate = answeredMs - startMs > limit || isWithin(plan.cuts, this.#nowMs);
      if (!isTooLate) {
        this.at(atMs, () => {
          if (!replica.hasEnded) {
            take(answer);
          }
        });
      }
    });
  }

  #write(expected: string | undefined, holder: string): LeaseRecord | undefined {
    if (this.#lease?.resourceVersion !== expected) {
      return undefined;
    }
    this.#version += 1;
    this.#lease = {
      resourceVersion: String(this.#version),
      holder,
      durationMs: terms.durationMs,
      transitions: (this.#lease?.transitions ?? -1) + (this.#lease?.holder === holder ? 0 : 1),
      acquireTime: "",
    };
    return this.#lease;
  }

  /** As a process that is told to end: what it wrote has arrived before it gives the Lease back. */
  #restart(replica: Replica): void {
    if (replica.awakeAt(this.#nowMs) > this.#nowMs) {
      return;
    }
    replica.hasEnded = true;
    this.at(this.#nowMs + terms.writeLimitMs / replica.plan.rate, () => {
      if (this.#lease?.holder === replica.terms.identity) {
        this.#write(this.#lease.resourceVersion, "");
      }
      this.#start(replica.plan);
    });
  }
}

class Replica {
  readonly plan: ReplicaPlan;
  readonly terms: LeaseTerms;
  memory: LeaseMemory = {};
  hasEnded = false;

  constructor(plan: ReplicaPlan, terms: LeaseTerms) {
    this.plan = plan;
    this.terms = terms;
  }

  observe(record: LeaseRecord | undefined, trueMs: number): void {
    this.memory = observeLease(this.memory, this.terms, record, this.now(trueMs).steadyMs);
  }

  /** Its clocks at a true time: they have their own zero and speed. */
  now(trueMs: number): Moment {
    const asleepMs = this.plan.sleeps
      .filter(({ startMs }) => startMs < trueMs)
      .reduce((sum, { startMs, lengthMs }) => sum + Math.min(lengthMs, trueMs - startMs), 0);
    return {
      steadyMs: (trueMs - asleepMs) * this.plan.rate,
      wallMs: 1_000_000 + trueMs * this.plan.rate,
    };
  }

  /** The first moment from `trueMs` on at which it runs. */
  awakeAt(trueMs: number): number {
    let atMs = trueMs;
    for (const { startMs, lengthMs } of [...this.plan.pauses, ...this.plan.sleeps].toSorted(
      (a, b) => a.startMs - b.startMs,
    )) {
      if (atMs >= startMs && atMs < startMs + lengthMs) {
        atMs = startMs + lengthMs;
      }
    }
    return atMs;
  }
}

function isWithin(spans: readonly Span[], ms: number): boolean {
  return spans.some(({ startMs, lengthMs }) => ms >= startMs && ms < startMs + lengthMs);
}
