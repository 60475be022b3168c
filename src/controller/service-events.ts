import type { Service } from "../cluster/service.ts";
import type { Outcome } from "./outcome.ts";
import { readRequest } from "./request.ts";
import { formatAddresses, shownIngress, wantedIngress } from "./status.ts";

/** An Event on a Service; of one reason there is one at a time. */
export interface ServiceEvent {
  readonly type: "Normal" | "Warning";
  readonly reason:
    | "IPAllocated"
    | "Renumbered"
    | "ClearAssignment"
    | "AllocationFailed"
    | "ConflictingRequest"
    | "DeprecatedAnnotation"
    | "StatusOverwritten";
  readonly message: string;
}

/** What happened by writing `outcome` over the status of `service`; undefined: nothing to tell. */
export function writtenEvent(
  service: Service,
  outcome: Outcome | undefined,
): ServiceEvent | undefined {
  const shown = shownIngress(service);
  const wanted = wantedIngress(service, outcome);
  if (wanted === undefined || wanted === shown || outcome === undefined) {
    return undefined;
  }
  if (outcome.type === "assigned") {
    const addresses = outcome.addresses.map(({ address }) => address.text);
    const before = shown.split(",").filter((text) => text !== "");
    const message = `Assigned ${formatAddresses(outcome)}`;
    if (before.some((text) => !addresses.includes(text))) {
      return { type: "Normal", reason: "Renumbered", message: `${message} instead of ${shown}` };
    }
    return addresses.length > before.length
      ? { type: "Normal", reason: "IPAllocated", message }
      : undefined;
  }
  return {
    type: "Warning",
    reason: "ClearAssignment",
    message: `${shown} may not be kept, and there is no other address yet`,
  };
}

/** What is wrong with the Service for as long as these Events are in the answer. */
export function standingEvents(service: Service, outcome: Outcome): readonly ServiceEvent[] {
  if (outcome.type === "untouched") {
    return [];
  }
  const { remarks } = readRequest(service);
  if (remarks.length === 0 && outcome.shortfall === undefined) {
    return [];
  }
  const remarksOf = (type: (typeof remarks)[number]["type"]) =>
    remarks
      .filter((remark) => remark.type === type)
      .map(({ message }) => message)
      .join("; ");
  const conflicts = remarksOf("conflicting-request");
  const deprecated = remarksOf("deprecated-annotation");
  const failed =
    outcome.shortfall === undefined
      ? ""
      : outcome.type === "assigned"
        ? `${formatAddresses(outcome)} stays: ${outcome.shortfall.message}`
        : outcome.shortfall.message;
  return [
    { type: "Warning" as const, reason: "AllocationFailed" as const, message: failed },
    { type: "Warning" as const, reason: "ConflictingRequest" as const, message: conflicts },
    { type: "Warning" as const, reason: "DeprecatedAnnotation" as const, message: deprecated },
  ].filter(({ message }) => message !== "");
}
