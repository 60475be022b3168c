import type { Service } from "../cluster/service.ts";
import { type Outcome, poolAnnotation } from "./outcome.ts";
import { diffStatus, shownIngress, wantedIngress } from "./status.ts";

/** What we remember of our writes to one Service's status. */
export interface WriteRecord {
  readonly uid: string;
  /** What the status showed after our write; undefined once somebody else has overwritten that. */
  readonly shown: string | undefined;
  /** What differed all the same right after our write: the server does not keep it. */
  readonly notKept: string | undefined;
  /** When our write was overwritten, of late. */
  readonly overwrittenMs: readonly number[];
  readonly pause?: {
    readonly untilMs: number;
    readonly spec: string;
  };
}

const overwrittenLimit = 3;
const overwrittenWithinMs = 60_000;
export const pauseMs = 600_000;

/** After our write was answered with `answer`. */
export function recordWrite(
  before: WriteRecord | undefined,
  answer: Service,
  outcome: Outcome | undefined,
): WriteRecord {
  return {
    uid: answer.uid,
    shown: shownIngress(answer),
    notKept: fingerprint(answer, outcome),
    overwrittenMs: before?.uid === answer.uid ? before.overwrittenMs : [],
  };
}

/**
 * Looks at the Service as it stands now. Where it no longer shows what we wrote and still want,
 * somebody else wrote it: the third time within a minute, we stop for ten minutes or until the
 * Service's spec changes, because the other one will not stop either.
 */
export function observe(
  record: WriteRecord,
  service: Service,
  outcome: Outcome,
  nowMs: number,
): WriteRecord {
  if (record.pause !== undefined) {
    const isOver = nowMs >= record.pause.untilMs || specText(service) !== record.pause.spec;
    const { pause: _, ...rest } = record;
    return isOver ? { ...rest, overwrittenMs: [] } : record;
  }
  const wanted = wantedIngress(service, outcome);
  if (record.shown === undefined || record.shown === shownIngress(service)) {
    return record;
  }
  if (wanted !== record.shown) {
    return { ...record, shown: undefined };
  }
  const overwrittenMs = [
    ...record.overwrittenMs.filter((ms) => nowMs - ms < overwrittenWithinMs),
    nowMs,
  ];
  return {
    ...record,
    shown: undefined,
    overwrittenMs,
    ...(overwrittenMs.length < overwrittenLimit
      ? {}
      : { pause: { untilMs: nowMs + pauseMs, spec: specText(service) } }),
  };
}

/** Whether the difference that is left is what the server made of our last write. */
export function isNotKept(
  record: WriteRecord,
  service: Service,
  outcome: Outcome | undefined,
): boolean {
  return record.notKept !== undefined && record.notKept === fingerprint(service, outcome);
}

/** What differs, whatever the version and the time; undefined: nothing. */
function fingerprint(service: Service, outcome: Outcome | undefined): string | undefined {
  const patch = diffStatus({ ...service, resourceVersion: "" }, outcome, "");
  return patch === undefined ? undefined : JSON.stringify(patch);
}

/** All that a person may change to end a quarrel over the status. */
function specText(service: Service): string {
  const { type, loadBalancerClass, loadBalancerIP, clusterIPs, ipFamilies, ports } = service;
  const { [poolAnnotation]: _, ...annotations } = service.annotations;
  return JSON.stringify([
    [type, loadBalancerClass, loadBalancerIP, clusterIPs, ipFamilies, service.ipFamilyPolicy],
    [ports, service.externalTrafficPolicy, service.selectorText],
    Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}

/** For the Service's Event: who, and the cure. */
export function formatOverwritten(service: Service): string {
  const manager = service.ingressManager ?? "a writer that managedFields does not name";
  return (
    `status.loadBalancer was overwritten three times within a minute, last by ${manager}: two load ` +
    "balancers serve this Service. Give one of them its own spec.loadBalancerClass (RouteLB: " +
    "--lb-class), or turn the other off (K3s: --disable=servicelb). RouteLB does not write this " +
    "status for ten minutes, or until the Service's spec changes"
  );
}
