import type { Service } from "../../cluster/service.ts";
import type { EventNote } from "../../kube/event-note.ts";
import type { ConfigMap } from "../../kube/project.ts";
import { resources } from "../../kube/resource.ts";
import type { Allocation } from "../outcome.ts";
import { type ServiceEvent, standingEvents } from "../service-events.ts";

export function serviceNote(service: Service, event: ServiceEvent): EventNote {
  const { namespace, name, uid } = service;
  const { apiVersion, kind } = resources.services;
  return { subject: { apiVersion, kind, namespace, name, uid }, ...event };
}

/** Everything that Services' owners have to change, of the whole allocation. */
export function standingNotes(
  services: ReadonlyMap<string, Service>,
  allocation: Allocation,
): readonly EventNote[] {
  const notes: EventNote[] = [];
  for (const [key, outcome] of allocation.outcomes) {
    const service = services.get(key);
    if (service !== undefined) {
      for (const event of standingEvents(service, outcome)) {
        notes.push(serviceNote(service, event));
      }
    }
  }
  return notes;
}

export function configMapNote(
  configMap: ConfigMap,
  reason: "InvalidConfig" | "ConfigNotApplied" | "ConfigWarning",
  message: string,
): EventNote {
  const [namespace = "", name = ""] = configMap.key.split("/");
  const { apiVersion, kind } = resources.configMaps;
  return {
    subject: { apiVersion, kind, namespace, name, uid: configMap.uid },
    type: "Warning",
    reason,
    message,
  };
}
