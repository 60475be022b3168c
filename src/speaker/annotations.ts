import type { Service } from "../cluster/service.ts";
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

const wellKnownCommunities: ReadonlyMap<string, number> = new Map([
  ["graceful-shutdown", 0xffff0000],
  ["accept-own", 0xffff0001],
  ["llgr-stale", 0xffff0006],
  ["no-llgr", 0xffff0007],
  ["blackhole", 0xffff029a],
  ["no-export", 0xffffff01],
  ["no-advertise", 0xffffff02],
  ["no-export-subconfed", 0xffffff03],
  ["local-as", 0xffffff03],
  ["no-peer", 0xffffff04],
]);

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

function parseCommunity(text: string): Community | undefined {
  const named = wellKnownCommunities.get(text);
  if (named !== undefined) {
    return { type: "standard", value: named };
  }
  const large = /^large:(\d{1,10}):(\d{1,10}):(\d{1,10})$/.exec(text);
  if (large !== null) {
    const [a = 0, b = 0, c = 0] = large.slice(1).map(Number);
    return Math.max(a, b, c) <= 0xffffffff ? { type: "large", value: [a, b, c] } : undefined;
  }
  const standard = /^(\d{1,5}):(\d{1,5})$/.exec(text);
  const [high = 0, low = 0] = standard?.slice(1).map(Number) ?? [];
  return standard === null || Math.max(high, low) > 0xffff
    ? undefined
    : { type: "standard", value: high * 0x10000 + low };
}

function sameCommunity(a: Community, b: Community): boolean {
  if (a.type === "standard" || b.type === "standard") {
    return a.value === b.value;
  }
  return a.value.every((number, index) => number === b.value[index]);
}
