import type { Route } from "../bgp/route.ts";
import { policyCaveat, type SessionStatus } from "../bgp/session/status.ts";
import type { DrainCause } from "../cluster/node.ts";
import type { Service } from "../cluster/service.ts";
import { prefixContains } from "../net/prefix.ts";
import type { BfdSessionPlan } from "./bfd-peer.ts";
import { parseIngress } from "./candidate.ts";
import type { Decision } from "./decide.ts";
import type { NotDialled, PlannedSession } from "./peers.ts";
import type { Withheld } from "./withheld.ts";

/** What a speaker's `/state` is made of. */
export interface StateSources {
  readonly nodeName: string;
  readonly podName?: string;
  readonly version: string;
  readonly config: ConfigState;
  /** What the speaker still waits for; empty once it decides. */
  readonly waitingFor: readonly string[];
  readonly planned: readonly PlannedSession[];
  readonly statuses: readonly SessionStatus[];
  readonly notDialled: readonly NotDialled[];
  /** Absent: our own Node does not drain. */
  readonly drain?: DrainSource;
  /** Absent: kube-proxy is not asked. */
  readonly dataplane?: DataplaneSource;
  /** Absent before the first decision. */
  readonly decision?: Decision;
  readonly services: ReadonlyMap<string, Service>;
  /** By name of the session. */
  readonly bfd: ReadonlyMap<string, BfdSource>;
}

/** Of the BFD session that goes with a BGP session. */
export interface BfdSource {
  readonly state: string;
  readonly sinceWallTimeMs: number;
  readonly plan: BfdSessionPlan;
  /** Why it cannot run. */
  readonly failure?: string;
}

export interface DataplaneSource {
  readonly mode: "warn" | "enforce";
  /** `unknown`: nobody has answered yet. */
  readonly node: "unknown" | "healthy" | "unhealthy";
  /** Keys of Services. */
  readonly unhealthyServices: readonly string[];
}

export interface DrainSource {
  readonly cause: DrainCause;
  /** Absent: since before this speaker started. */
  readonly sinceWallTimeMs?: number;
}

/** The configuration in force, without its text: that may hold passwords. */
export interface ConfigState {
  /** SHA-256 of the text in force; absent: none is. */
  readonly sha256?: string;
  /** Another text was written and is not in force. */
  readonly isStale: boolean;
  /** One sentence where the configuration is stale, or absent. */
  readonly reason?: string;
}

/** Which part of the state is wanted; empty: all of it. */
export interface StateQuery {
  /** Neither routes nor Services. */
  readonly only?: "sessions";
  /** Of the Services and routes, those of this one, by its key. */
  readonly service?: string;
}

/** `?only=sessions` and `?service=NAMESPACE/NAME`. */
export function readStateQuery(query: URLSearchParams): StateQuery {
  const service = query.get("service");
  return {
    ...(query.get("only") === "sessions" ? { only: "sessions" } : {}),
    ...(service === null ? {} : { service }),
  };
}

/**
 * The JSON of `/state`: what the sessions are and why, the routes for each, and for each Service of
 * type LoadBalancer where it is advertised and why not elsewhere. Never a secret.
 *
 * `formatTime` turns milliseconds since the epoch into text.
 */
export function speakerState(
  sources: StateSources,
  formatTime: (ms: number) => string,
  query: StateQuery = {},
): object {
  const { decision } = sources;
  const entries = new Map(sources.planned.map((planned) => [planned.peer.name, planned]));
  return {
    kind: "speaker",
    node: sources.nodeName,
    pod: sources.podName,
    version: sources.version,
    config: sources.config,
    waitingFor: sources.waitingFor,
    sessions: sources.statuses.map((status) =>
      sessionState(status, entries.get(status.name), sources.bfd.get(status.name), formatTime),
    ),
    notDialled: sources.notDialled,
    drain: drainState(sources.drain, formatTime),
    dataplane: sources.dataplane,
    ...(query.only === "sessions" ? {} : routesAndServices(sources.services, decision, query)),
  };
}

function routesAndServices(
  services: ReadonlyMap<string, Service>,
  decision: Decision | undefined,
  { service: key }: StateQuery,
): object {
  if (decision === undefined) {
    return { routes: {}, services: [] };
  }
  const service = key === undefined ? undefined : services.get(key);
  const chosen =
    key === undefined ? [...services.values()] : service === undefined ? [] : [service];
  const addresses = key === undefined ? undefined : chosen.flatMap(parseIngress);
  const isChosen = ({ prefix }: Route) =>
    addresses === undefined ||
    addresses.some(({ address }) => address !== undefined && prefixContains(prefix, address));
  return {
    routes: Object.fromEntries(
      [...decision.routes].map(([peer, routes]) => [peer, routes.filter(isChosen).map(routeState)]),
    ),
    services: serviceStates(chosen, decision),
  };
}

function drainState(
  drain: DrainSource | undefined,
  formatTime: (ms: number) => string,
): object | undefined {
  const { cause, sinceWallTimeMs } = drain ?? {};
  const since = sinceWallTimeMs === undefined ? undefined : formatTime(sinceWallTimeMs);
  return cause && { cause, since };
}

function sessionState(
  status: SessionStatus,
  planned: PlannedSession | undefined,
  bfd: BfdSource | undefined,
  formatTime: (ms: number) => string,
): object {
  const { lastError, negotiated } = status;
  return {
    name: status.name,
    entry: planned?.entryName,
    peerAddress: planned?.peer.peerAddress.text,
    peerPort: planned?.peer.peerPort,
    localAsn: planned?.peer.localAsn,
    peerAsn: planned?.peer.peerAsn,
    state: status.state,
    since: formatTime(status.sinceWallTimeMs),
    localAddress: status.localAddress?.text,
    routerId: status.routerId?.text,
    remoteRouterId: status.remoteRouterId?.text,
    negotiated: negotiated && { ...negotiated, peerRouterId: negotiated.peerRouterId.text },
    advertised: status.advertised,
    caveat: status.state === "Established" && status.advertised > 0 ? policyCaveat : undefined,
    pending: status.pending,
    withheld: status.withheld.map(({ prefix, reason }) => ({ prefix: prefix.key, reason })),
    lastError: lastError && {
      at: formatTime(lastError.atWallTimeMs),
      kind: lastError.kind,
      text: lastError.text,
    },
    bfd: bfd && {
      state: bfd.state,
      since: formatTime(bfd.sinceWallTimeMs),
      failure: bfd.failure,
      multihop: bfd.plan.multihop,
    },
    firstEndOfRibSent: status.firstEndOfRibSent,
    counters: status.counters,
  };
}

/** Communities as routers write them. */
function routeState({ prefix, attributes }: Route): object {
  const { communities, largeCommunities, ...rest } = attributes;
  return {
    prefix: prefix.key,
    ...rest,
    communities: communities.map((value) => `${value >>> 16}:${value & 0xffff}`),
    largeCommunities: largeCommunities.map((value) => value.join(":")),
  };
}

interface ServiceState {
  /** `namespace/name`. */
  readonly service: string;
  readonly advertised: readonly string[];
  readonly withheld: readonly Withheld[];
  /** What its annotations ask for and its pool does not grant. */
  readonly refused: readonly string[];
}

function serviceStates(
  services: readonly Service[],
  { advertised, withheld, refused }: Decision,
): readonly ServiceState[] {
  return services
    .filter(({ type }) => type === "LoadBalancer")
    .map(({ key }) => ({
      service: key,
      advertised: advertised.get(key) ?? [],
      withheld: withheld.get(key) ?? [],
      refused: refused.get(key) ?? [],
    }));
}
