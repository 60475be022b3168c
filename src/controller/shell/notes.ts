import { Memo } from "../../cluster/memo.ts";
import type { Service } from "../../cluster/service.ts";
import { eachInSteps, type Steps } from "../../cluster/steps.ts";
import type { EventNote } from "../../kube/event-note.ts";
import { resources } from "../../kube/resource.ts";
import type { Allocation, Outcome } from "../outcome.ts";
import { type ServiceEvent, standingEvents } from "../service-events.ts";

export function serviceNote(service: Service, event: ServiceEvent): EventNote {
  const { namespace, name, uid } = service;
  const { apiVersion, kind } = resources.services;
  return { subject: { apiVersion, kind, namespace, name, uid }, ...event };
}

interface RememberedNotes {
  readonly service: Service;
  readonly notes: readonly EventNote[];
}

const remembered = new Memo<Outcome, RememberedNotes>();

/** Everything that Services' owners have to change, by key of the Service, of the whole allocation. */
export function* standingNotesSteps(
  services: ReadonlyMap<string, Service>,
  allocation: Allocation,
): Steps<Map<string, readonly EventNote[]>> {
  const notes = new Map<string, readonly EventNote[]>();
  yield* eachInSteps(allocation.outcomes, ([key, outcome]) =>
    putNotes(notes, key, services.get(key), outcome),
  );
  return notes;
}

/** Replaces what `notes` has of one Service. */
export function putNotes(
  notes: Map<string, readonly EventNote[]>,
  key: string,
  service: Service | undefined,
  outcome: Outcome | undefined,
): void {
  const own = service === undefined || outcome === undefined ? [] : notesOf(service, outcome);
  if (own.length === 0) {
    notes.delete(key);
  } else {
    notes.set(key, own);
  }
}

/** The same notes as long as Service and outcome are the same. */
function notesOf(service: Service, outcome: Outcome): readonly EventNote[] {
  const known = remembered.get(outcome);
  if (known?.service === service) {
    return known.notes;
  }
  const notes = standingEvents(service, outcome).map((event) => serviceNote(service, event));
  remembered.set(outcome, { service, notes });
  return notes;
}
