import type { Service } from "../cluster/service.ts";
import { type Outcome, poolAnnotation } from "./outcome.ts";
import {
  conditionType,
  diffStatus,
  shownIngress,
  shownMarks,
  wantedIngress,
  wantedMarks,
} from "./status.ts";

/** What we remember of our writes to one Service's status. */
export interface WriteRecord {
  readonly uid: string;
  /** What the Service showed after our write; undefined once somebody else has overwritten that. */
  readonly shown: Shown | undefined;
  /** What differed all the same right after our write: the server does not keep it. */
  readonly notKept: string | undefined;
  /** When our write was overwritten, of late. */
  readonly overwrittenMs: readonly number[];
  readonly pause?: {
    readonly untilMs: number;
    readonly spec: string;
    readonly about: Quarrel;
  };
}

/**
 * What is quarrelled about: addresses that somebody replaces or takes out, or our marks. Of `marks`,
 * an address that changes is written all the same.
 */
type Quarrel = "replaced" | "emptied" | "marks";

/** Texts to compare. */
interface Shown {
  /** The addresses. */
  readonly ingress: string;
  /** Our annotation and our condition. */
  readonly marks: string;
}

const overwrittenLimit = 3;
const overwrittenWithinMs = 60_000;
const pauseMs = { replaced: 600_000, emptied: 500, marks: 600_000 } as const;

/** After our write was answered with `answer`. */
export function recordWrite(
  before: WriteRecord | undefined,
  answer: Service,
  outcome: Outcome | undefined,
): WriteRecord {
  return {
    uid: answer.uid,
    shown: { ingress: shownIngress(answer), marks: shownMarks(answer) },
    notKept: fingerprint(answer, outcome),
    overwrittenMs: before?.uid === answer.uid ? before.overwrittenMs : [],
  };
}

/**
 * Looks at the Service as it stands now. Where it no longer shows what we wrote and still want,
 * somebody else wrote it: the third time within a minute, we stop for ten minutes or until the
 * Service's spec changes, because the other one will not stop either.
 *
 * Who only takes the addresses out does not serve the Service in our place: to stop would leave it
 * without any. K3s's ServiceLB does so at each change of the endpoints of a Service with a class. So
 * that is undone again and again, after a breath each third time in case it never ends.
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
  const { shown } = record;
  const now = { ingress: shownIngress(service), marks: shownMarks(service) };
  if (shown === undefined || (shown.ingress === now.ingress && shown.marks === now.marks)) {
    return record;
  }
  const isOverwritten = (part: keyof Shown, wanted: string | undefined) =>
    shown[part] === wanted && shown[part] !== now[part];
  const about = isOverwritten("ingress", wantedIngress(service, outcome))
    ? now.ingress === ""
      ? "emptied"
      : "replaced"
    : isOverwritten("marks", wantedMarks(service, outcome))
      ? "marks"
      : undefined;
  if (about === undefined) {
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
      : { pause: { untilMs: nowMs + pauseMs[about], spec: specText(service), about } }),
  };
}

/** Whether the quarrel keeps us from writing now. */
export function isPaused(
  { pause }: WriteRecord,
  service: Service,
  outcome: Outcome | undefined,
): boolean {
  const wanted = wantedIngress(service, outcome);
  const hasAddress = wanted === undefined || wanted === shownIngress(service);
  return pause !== undefined && (pause.about !== "marks" || hasAddress);
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
export function formatOverwritten(service: Service, about: Quarrel): string {
  if (about === "marks") {
    return (
      `the annotation ${poolAnnotation} or the condition ${conditionType} was overwritten three times ` +
      "within a minute: somebody writes this Service as it was before (a tool that prunes what its " +
      "manifests do not have, or one that replaces the whole status). metadata.managedFields may say " +
      "who. RouteLB writes them no more for ten minutes, or until the Service's spec changes; its " +
      "address is not touched"
    );
  }
  const manager = service.ingressManager ?? "a writer that managedFields does not name";
  if (about === "emptied") {
    return (
      `status.loadBalancer was emptied three times within a minute, last by ${manager}, and traffic ` +
      "was interrupted each time. K3s's ServiceLB does so to Services of any class when their " +
      "endpoints change: turn it off (--disable=servicelb). RouteLB goes on to write the address again"
    );
  }
  return (
    `status.loadBalancer was overwritten three times within a minute, last by ${manager}: two load ` +
    "balancers serve this Service. Give one of them its own spec.loadBalancerClass (RouteLB: " +
    "--lb-class), or turn the other off (K3s: --disable=servicelb). RouteLB does not write this " +
    "status for ten minutes, or until the Service's spec changes"
  );
}
