/**
 * Which of several controllers acts, by one coordination.k8s.io Lease.
 *
 * No clock is compared with that of another machine. A leader counts from the moment at which it
 * sent its last successful renewal; the others count from the moment at which they saw the Lease
 * change last. The Lease's own times are for people.
 *
 *     leader     renewal sent |---- renewMs ----| acts no more
 *                             |                 |-- writeLimitMs --| its last write has ended
 *     another      change seen |------- durationMs -------| takes over |-- writeLimitMs --| acts
 *
 * So two act at once only if one machine's clock runs faster than the other's by more than
 * (durationMs + writeLimitMs) / renewMs, and a write of the old leader meets one of the new only
 * beyond (durationMs + writeLimitMs) / (renewMs + writeLimitMs).
 */

/** What of a Lease counts. */
export interface LeaseRecord {
  readonly resourceVersion: string;
  /** Empty: it was released. */
  readonly holder: string;
  /** What its holder promised; others wait for at least so long. */
  readonly durationMs: number;
  readonly transitions: number;
  /** When its holder took it, by the holder's clock; for display. */
  readonly acquireTime: string;
}

export interface LeaseTerms {
  /** Of this process and of no other, before or after. */
  readonly identity: string;
  /** A Lease that did not change for so long is taken over. */
  readonly durationMs: number;
  /** A leader that could not renew for so long stops acting; shorter than `durationMs`. */
  readonly renewMs: number;
  /** No write of a leader arrives later than this after it was sent. */
  readonly writeLimitMs: number;
}

export interface Moment {
  /** Of a clock that never goes back, but may stand still while the machine sleeps. */
  readonly steadyMs: number;
  /** Of the clock on the wall: it notices sleep. Where it jumps ahead, a leader pauses needlessly. */
  readonly wallMs: number;
}

/** What a process knows of the Lease; `{}` at its start. */
export interface LeaseMemory {
  readonly seen?: { readonly record: LeaseRecord; readonly sinceMs: number };
  /** The Lease is gone, and this process saw another one hold it. */
  readonly lostFromSight?: { readonly durationMs: number };
  readonly tenure?: Tenure;
}

/** We hold the Lease, without a break in which another could have. */
export interface Tenure {
  /** When it began: tells tenures apart. */
  readonly sinceMs: number;
  readonly renewed: Moment;
  readonly actFromMs: number;
}

/** What to do about the Lease now. */
export type LeaseStep =
  | { readonly type: "wait" }
  | { readonly type: "create"; readonly actDelayMs: number }
  | {
      readonly type: "take";
      readonly record: LeaseRecord;
      /** How long after it the first decision may come; a renewal goes on with its tenure. */
      readonly actDelayMs: number;
    }
  | { readonly type: "renew"; readonly record: LeaseRecord };

/** Takes in what a read at `nowMs` (when the answer was there) showed; undefined: no Lease. */
export function observeLease(
  memory: LeaseMemory,
  terms: LeaseTerms,
  record: LeaseRecord | undefined,
  nowMs: number,
): LeaseMemory {
  const { seen, tenure, lostFromSight } = memory;
  if (record === undefined) {
    const isOfAnother = seen !== undefined && isHeldByAnother(seen.record, terms);
    const lost = isOfAnother
      ? { durationMs: Math.max(terms.durationMs, seen.record.durationMs) }
      : lostFromSight;
    return {
      ...(lost === undefined ? {} : { lostFromSight: lost }),
      ...(tenure === undefined ? {} : { tenure }),
    };
  }
  const isSame = seen?.record.resourceVersion === record.resourceVersion;
  return {
    seen: isSame ? seen : { record, sinceMs: nowMs },
    ...(tenure === undefined || record.holder !== terms.identity ? {} : { tenure }),
  };
}

/** What follows from `memory` at `nowMs`. */
export function planLease(memory: LeaseMemory, terms: LeaseTerms, nowMs: number): LeaseStep {
  const { seen, lostFromSight } = memory;
  if (seen === undefined) {
    const actDelayMs =
      lostFromSight === undefined ? 0 : lostFromSight.durationMs + terms.writeLimitMs;
    return { type: "create", actDelayMs };
  }
  const { record, sinceMs } = seen;
  if (record.holder === terms.identity) {
    return { type: "renew", record };
  }
  if (record.holder === "") {
    return { type: "take", record, actDelayMs: 0 };
  }
  return nowMs - sinceMs >= Math.max(terms.durationMs, record.durationMs)
    ? { type: "take", record, actDelayMs: terms.writeLimitMs }
    : { type: "wait" };
}

/**
 * Takes in that the write of `step`, sent at `sent`, made the Lease `record`.
 *
 * A renewal without a tenure is of a Lease that we took without hearing of it: what was before that
 * is not known, so the longer delay counts.
 */
export function takeWritten(
  memory: LeaseMemory,
  terms: LeaseTerms,
  step: Exclude<LeaseStep, { type: "wait" }>,
  record: LeaseRecord,
  sent: Moment,
): LeaseMemory {
  const actDelayMs = step.type === "renew" ? terms.writeLimitMs : step.actDelayMs;
  const begun = { sinceMs: sent.steadyMs, actFromMs: sent.steadyMs + actDelayMs };
  const { sinceMs, actFromMs } = (step.type === "take" ? undefined : memory.tenure) ?? begun;
  return {
    seen: { record, sinceMs: sent.steadyMs },
    tenure: { sinceMs, actFromMs, renewed: sent },
  };
}

/** The tenure by which this process may act at `now`. */
export function actingTenure(
  { tenure }: LeaseMemory,
  { renewMs }: LeaseTerms,
  now: Moment,
): Tenure | undefined {
  return tenure !== undefined &&
    now.steadyMs >= tenure.actFromMs &&
    now.steadyMs - tenure.renewed.steadyMs < renewMs &&
    now.wallMs - tenure.renewed.wallMs < renewMs
    ? tenure
    : undefined;
}

/** The `spec` that a write at `wallTime` (RFC 3339 with microseconds) gives the Lease. */
export function leaseSpec(
  step: Exclude<LeaseStep, { type: "wait" }>,
  { identity, durationMs }: LeaseTerms,
  wallTime: string,
): object {
  const shared = {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1_000),
    renewTime: wallTime,
  };
  switch (step.type) {
    case "create":
      return { ...shared, acquireTime: wallTime, leaseTransitions: 0 };
    case "take":
      return { ...shared, acquireTime: wallTime, leaseTransitions: step.record.transitions + 1 };
    case "renew": {
      const { acquireTime, transitions } = step.record;
      return { ...shared, acquireTime, leaseTransitions: transitions };
    }
  }
}

/** The `spec` of a Lease that nobody holds: the next one need not wait. */
export function releasedSpec(record: LeaseRecord, wallTime: string): object {
  return {
    leaseDurationSeconds: 1,
    acquireTime: record.acquireTime,
    renewTime: wallTime,
    leaseTransitions: record.transitions,
  };
}

function isHeldByAnother({ holder }: LeaseRecord, { identity }: LeaseTerms): boolean {
  return holder !== "" && holder !== identity;
}
