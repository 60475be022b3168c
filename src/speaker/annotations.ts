import type { Service } from "../cluster/service.ts";
import { parseCommunity } from "../config/community.ts";
import type { Community, ServiceAnnotationLimits } from "../config/model.ts";

/** What a Service asks for its own routes, as far as its pool allows it. */
export interface RouteRequest {
  readonly communities: readonly Community[];
  readonly med?: number;
  readonly prepend?: number;
  /** What was asked for and is not granted, a sentence each. */
  readonly refused: readonly string[];
}

const names = {
  communities: "routelb.io/communities",
  med: "routelb.io/med",
  prepend: "routelb.io/prepend",
} as const;

/**
 * Reads the annotations `routelb.io/communities`, `routelb.io/med` and `routelb.io/prepend`.
 *
 * What the pool's `service-annotations` do not list is refused, value by value; the rest holds.
 */
export function readRouteRequest(service: Service, limits: ServiceAnnotationLimits): RouteRequest {
  const refused: string[] = [];
  const communities: Community[] = [];
  for (const text of commaSeparated(service.annotations[names.communities])) {
    const community = parseCommunity(text);
    if (community === undefined) {
      refused.push(
        `${names.communities}: ${text} is not a community (64512:1, large:1:2:3, a name)`,
      );
    } else if (limits.communities.some((allowed) => sameCommunity(allowed, community))) {
      communities.push(community);
    } else {
      refused.push(`${names.communities}: the pool's service-annotations do not allow ${text}`);
    }
  }
  const med = readNumber(service, names.med, limits.med, refused);
  const prepend = readNumber(service, names.prepend, limits.prepend, refused);
  return {
    communities,
    ...(med === undefined ? {} : { med }),
    ...(prepend === undefined ? {} : { prepend }),
    refused,
  };
}

function readNumber(
  service: Service,
  name: string,
  limits: { readonly min: number; readonly max: number } | undefined,
  refused: string[],
): number | undefined {
  const text = service.annotations[name]?.trim();
  if (text === undefined || text === "") {
    return undefined;
  }
  if (limits === undefined) {
    refused.push(`${name}: the pool has no service-annotations that allow it`);
    return undefined;
  }
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= limits.min && value <= limits.max) {
    return value;
  }
  refused.push(`${name}: ${text} is not a number from ${limits.min} to ${limits.max}`);
  return undefined;
}

function commaSeparated(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function sameCommunity(a: Community, b: Community): boolean {
  if (a.type === "standard" || b.type === "standard") {
    return a.value === b.value;
  }
  return a.value.every((number, index) => number === b.value[index]);
}
