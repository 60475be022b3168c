import { Memo } from "../cluster/memo.ts";

/** What an Event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent for a Node: its Events are in namespace `default` (the server takes them nowhere else). */
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
}

export interface EventNote {
  readonly subject: EventSubject;
  readonly type: "Normal" | "Warning";
  /** UpperCamelCase. With the subject's UID it makes the Event's name: one Event for both. */
  readonly reason: string;
  /** Sets Events of one subject and reason apart: a peer's name, where a Node has several. */
  readonly part?: string;
  /** At most 1,024 characters arrive. */
  readonly message: string;
}

const messageLimit = 1_024;

const names = new Memo<EventNote, string>();

/** One name for each subject, reason and part, whoever writes it; worked out once for a note. */
export function eventName(note: EventNote): string {
  const known = names.get(note);
  if (known !== undefined) {
    return known;
  }
  const name = nameOf(note);
  names.set(note, name);
  return name;
}

function nameOf({ subject, reason, part }: EventNote): string {
  const whole = part === undefined ? reason : `${reason}-${part.replace(/[^a-zA-Z0-9]+/g, "-")}`;
  return `${subject.uid}.${whole}`
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, "-")
    .slice(0, 253)
    .replace(/-+$/, "");
}

export function eventNamespace(note: EventNote): string {
  return note.subject.namespace ?? "default";
}

/** The body that creates an Event with a count of 1. */
export function newEvent(
  note: EventNote,
  source: { readonly component: string; readonly host: string; readonly wallTimeMs: number },
): object {
  const { component, host, wallTimeMs } = source;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: eventName(note), namespace: eventNamespace(note) },
    involvedObject: { ...note.subject, uid: shownUid(note.subject) },
    reason: note.reason,
    source: { component, host },
    reportingComponent: component,
    reportingInstance: host,
    firstTimestamp: rfc3339(wallTimeMs),
    count: 1,
    ...repeatedEvent(note, wallTimeMs),
  };
}

/** What of an Event changes with each repeat, besides its count. */
export function repeatedEvent(note: EventNote, wallTimeMs: number): object {
  return {
    type: note.type,
    message: note.message.slice(0, messageLimit),
    lastTimestamp: rfc3339(wallTimeMs),
  };
}

/** `kubectl describe node` looks for Events whose UID is the Node's name, as the kubelet's are. */
function shownUid(subject: EventSubject): string {
  return subject.kind === "Node" ? subject.name : subject.uid;
}

/** To the second, which is all that the first and last time of an Event may have. */
function rfc3339(wallTimeMs: number): string {
  return `${new Date(wallTimeMs).toISOString().slice(0, 19)}Z`;
}
