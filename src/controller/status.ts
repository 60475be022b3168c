import type { Condition, Service } from "../cluster/service.ts";
import { isLoadBalancer } from "../cluster/service.ts";
import { type Outcome, poolAnnotation } from "./outcome.ts";
import { reasonInCamelCase } from "./shortfall.ts";

export const conditionType = "routelb.io/AddressAssigned";

/** A JSON merge patch (RFC 7396) of `services/NAME/status`; only what differs is in it. */
export interface StatusPatch {
  readonly metadata: {
    /** A write that came between is answered with 409 instead of being undone. */
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string | null>>;
  };
  readonly status?: {
    readonly loadBalancer?: { readonly ingress: readonly IngressPatch[] | null };
    readonly conditions?: readonly Condition[] | null;
  };
}

export interface IngressPatch {
  readonly ip: string;
  readonly ipMode: "VIP";
}

/**
 * What must be written so that the Service shows `outcome`; undefined: it does already.
 *
 * `outcome` undefined says that the Service is not ours: what is ours in it goes, and nothing else.
 * A Service that is being deleted, or that `layer2` keeps us from touching, is left as it is.
 *
 * Lists are replaced whole by a merge patch, so conditions of other writers are sent along.
 *
 * @param now for the condition's lastTransitionTime (RFC 3339)
 */
export function diffStatus(
  service: Service,
  outcome: Outcome | undefined,
  now: string,
): StatusPatch | undefined {
  if (service.deleting || outcome?.type === "untouched") {
    return undefined;
  }
  const annotations = diffAnnotation(service, outcome);
  const loadBalancer = diffIngress(service, outcome);
  const conditions = diffConditions(service, outcome, now);
  if (annotations === undefined && loadBalancer === undefined && conditions === undefined) {
    return undefined;
  }
  const status = {
    ...(loadBalancer === undefined ? {} : { loadBalancer }),
    ...(conditions === undefined ? {} : { conditions }),
  };
  return {
    metadata: {
      resourceVersion: service.resourceVersion,
      ...(annotations === undefined ? {} : { annotations }),
    },
    ...(Object.keys(status).length === 0 ? {} : { status }),
  };
}

/** What the status of the Service shows, as one text: addresses and hostnames in their order. */
export function shownIngress(service: Service): string {
  return service.ingress.map(({ ip, hostname }) => ip ?? hostname ?? "").join(",");
}

/** What it will show; undefined: the outcome leaves the status as it is. */
export function wantedIngress(service: Service, outcome: Outcome | undefined): string | undefined {
  switch (outcome?.type) {
    case "assigned":
      return outcome.addresses.map(({ address }) => address.text).join(",");
    case "unassigned":
      return outcome.mustClear ? "" : undefined;
    case "untouched":
      return undefined;
    case undefined:
      return Object.hasOwn(service.annotations, poolAnnotation) ? "" : undefined;
  }
}

/** What the Service shows of us beside the addresses, as one text: annotation and condition. */
export function shownMarks(service: Service): string {
  const shown = service.conditions.find(({ type }) => type === conditionType);
  return marksText(annotationOf(service), shown);
}

/** What it will show; undefined: the outcome leaves them as they are. */
export function wantedMarks(service: Service, outcome: Outcome | undefined): string | undefined {
  return outcome === undefined || outcome.type === "untouched" || service.deleting
    ? undefined
    : marksText(poolNames(outcome), conditionOf(outcome));
}

function marksText(
  pools: string | undefined,
  condition: Pick<Condition, "status" | "reason" | "message"> | undefined,
): string {
  return JSON.stringify([pools, condition?.status, condition?.reason, condition?.message]);
}

function annotationOf({ annotations }: Service): string | undefined {
  return Object.hasOwn(annotations, poolAnnotation) ? annotations[poolAnnotation] : undefined;
}

function diffIngress(
  service: Service,
  outcome: Outcome | undefined,
): { readonly ingress: readonly IngressPatch[] | null } | undefined {
  const wanted = wantedIngress(service, outcome);
  const hasOtherMode = service.ingress.some(
    ({ ipMode }) => ipMode !== undefined && ipMode !== "VIP",
  );
  if (wanted === undefined || (wanted === shownIngress(service) && !hasOtherMode)) {
    return undefined;
  }
  return {
    ingress: wanted === "" ? null : wanted.split(",").map((ip) => ({ ip, ipMode: "VIP" as const })),
  };
}

/** The names of the pools, without repetition, in the order of the addresses. */
function poolNames(outcome: Outcome | undefined): string | undefined {
  return outcome?.type === "assigned"
    ? [...new Set(outcome.addresses.map(({ pool }) => pool.name))].join(",")
    : undefined;
}

function diffAnnotation(
  service: Service,
  outcome: Outcome | undefined,
): Readonly<Record<string, string | null>> | undefined {
  const wanted = poolNames(outcome);
  const shown = annotationOf(service);
  return wanted === shown ? undefined : { [poolAnnotation]: wanted ?? null };
}

function diffConditions(
  service: Service,
  outcome: Outcome | undefined,
  now: string,
): readonly Condition[] | null | undefined {
  const shown = service.conditions.find(({ type }) => type === conditionType);
  const wanted =
    outcome === undefined || !isLoadBalancer(service) ? undefined : conditionOf(outcome);
  if (
    shown?.status === wanted?.status &&
    shown?.reason === wanted?.reason &&
    shown?.message === wanted?.message
  ) {
    return undefined;
  }
  const others = service.conditions.filter(({ type }) => type !== conditionType);
  if (wanted === undefined) {
    return others.length === 0 ? null : others;
  }
  const lastTransitionTime = shown?.status === wanted.status ? shown.lastTransitionTime : now;
  return [...others, { type: conditionType, ...wanted, lastTransitionTime }];
}

/** The API takes at most 32,768 characters of a condition's message; ours are far shorter. */
function conditionOf(
  outcome: Outcome,
): Pick<Condition, "status" | "reason" | "message"> | undefined {
  switch (outcome.type) {
    case "assigned": {
      const has = formatAddresses(outcome);
      return outcome.shortfall === undefined
        ? { status: "True", reason: "Assigned", message: has }
        : {
            status: "True",
            reason: reasonInCamelCase(outcome.shortfall.reason),
            message: `${has} stays: ${outcome.shortfall.message}`,
          };
    }
    case "unassigned":
      return {
        status: "False",
        reason: reasonInCamelCase(outcome.shortfall.reason),
        message: outcome.shortfall.message,
      };
    case "untouched":
      return undefined;
  }
}

/** `172.16.7.192 of pool a, 2001:db8::1 of pool b`. */
export function formatAddresses(outcome: Extract<Outcome, { type: "assigned" }>): string {
  return outcome.addresses
    .map(({ address, pool }) => `${address.text} of pool ${pool.name}`)
    .join(", ");
}
