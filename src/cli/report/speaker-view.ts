import { booleanOf, listOf, numberOf, recordOf, textOf, textsOf } from "../../kube/json.ts";

/** What operator commands read of a speaker's `/state`; one of another version may lack some of it. */
export interface SpeakerView {
  readonly node: string;
  readonly version: string;
  readonly config: ConfigView;
  /** Empty once it decides. */
  readonly waitingFor: readonly string[];
  readonly drainCause?: string;
  /** kube-proxy on the node says that it does not deliver. */
  readonly isDataplaneUnhealthy: boolean;
  readonly sessions: readonly SessionView[];
  readonly notDialled: readonly NotDialledView[];
  /** By name of the session. */
  readonly routes: ReadonlyMap<string, readonly RouteView[]>;
  /** By key. */
  readonly services: ReadonlyMap<string, ServiceView>;
}

export interface ConfigView {
  readonly sha256?: string;
  readonly isStale: boolean;
  readonly reason?: string;
}

export interface SessionView {
  readonly name: string;
  readonly peerAddress: string;
  readonly peerAsn: string;
  readonly state: string;
  /** When it entered the state, in ISO 8601. */
  readonly since?: string;
  readonly localAddress?: string;
  readonly advertised: number;
  readonly pending: number;
  readonly withheld: readonly { readonly prefix: string; readonly reason: string }[];
  /** What the session's being up does not tell. */
  readonly caveat?: string;
  readonly lastError?: string;
  readonly bfdState?: string;
  readonly bfdFailure?: string;
}

export interface NotDialledView {
  readonly entryName: string;
  readonly reason: string;
  readonly text: string;
}

export interface RouteView {
  readonly prefix: string;
  readonly localPref?: number;
  readonly med?: number;
  readonly prepend?: number;
  readonly communities: readonly string[];
  readonly linkBandwidth?: number;
}

export interface ServiceView {
  readonly advertised: readonly string[];
  readonly withheld: readonly WithheldView[];
  readonly refused: readonly string[];
}

export interface WithheldView {
  readonly reason: string;
  readonly text: string;
  readonly address?: string;
  readonly peer?: string;
}

/** Undefined if `state` is no speaker's. */
export function readSpeakerState(state: unknown): SpeakerView | undefined {
  const record = recordOf(state);
  const node = textOf(record["node"]);
  if (record["kind"] !== "speaker" || node === undefined) {
    return undefined;
  }
  const drainCause = textOf(recordOf(record["drain"])["cause"]);
  return {
    node,
    version: textOf(record["version"]) ?? "",
    config: readConfig(record["config"]),
    waitingFor: textsOf(record["waitingFor"]),
    ...(drainCause === undefined ? {} : { drainCause }),
    isDataplaneUnhealthy: recordOf(record["dataplane"])["node"] === "unhealthy",
    sessions: listOf(record["sessions"]).map(readSession),
    notDialled: listOf(record["notDialled"]).map((value) => {
      const entry = recordOf(value);
      return {
        entryName: textOf(entry["entryName"]) ?? "",
        reason: textOf(entry["reason"]) ?? "",
        text: textOf(entry["text"]) ?? "",
      };
    }),
    routes: new Map(
      Object.entries(recordOf(record["routes"])).map(([peer, routes]) => [
        peer,
        listOf(routes).map(readRoute),
      ]),
    ),
    services: new Map(
      listOf(record["services"]).map((value) => {
        const service = recordOf(value);
        return [textOf(service["service"]) ?? "", readService(service)];
      }),
    ),
  };
}

export function readConfig(value: unknown): ConfigView {
  const config = recordOf(value);
  const sha256 = textOf(config["sha256"]);
  const reason = textOf(config["reason"]);
  return {
    isStale: booleanOf(config["isStale"]) ?? false,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function readSession(value: unknown): SessionView {
  const session = recordOf(value);
  const bfd = recordOf(session["bfd"]);
  const peerAsn = session["peerAsn"];
  const optional = {
    localAddress: textOf(session["localAddress"]),
    caveat: textOf(session["caveat"]),
    lastError: textOf(recordOf(session["lastError"])["text"]),
    bfdState: textOf(bfd["state"]),
    bfdFailure: textOf(bfd["failure"]),
    since: textOf(session["since"]),
  };
  return {
    name: textOf(session["name"]) ?? "",
    peerAddress: textOf(session["peerAddress"]) ?? "",
    peerAsn: typeof peerAsn === "number" ? String(peerAsn) : (textOf(peerAsn) ?? ""),
    state: textOf(session["state"]) ?? "",
    advertised: numberOf(session["advertised"]) ?? 0,
    pending: numberOf(session["pending"]) ?? 0,
    withheld: listOf(session["withheld"])
      .map(recordOf)
      .map(({ prefix, reason }) => ({
        prefix: textOf(prefix) ?? "",
        reason: textOf(reason) ?? "",
      })),
    ...present(optional),
  };
}

function readRoute(value: unknown): RouteView {
  const route = recordOf(value);
  const optional = {
    localPref: numberOf(route["localPref"]),
    med: numberOf(route["med"]),
    prepend: numberOf(route["prepend"]),
    linkBandwidth: numberOf(route["linkBandwidth"]),
  };
  return {
    prefix: textOf(route["prefix"]) ?? "",
    communities: [...textsOf(route["communities"]), ...textsOf(route["largeCommunities"])],
    ...present(optional),
  };
}

function readService(service: Readonly<Record<string, unknown>>): ServiceView {
  return {
    advertised: textsOf(service["advertised"]),
    refused: textsOf(service["refused"]),
    withheld: listOf(service["withheld"])
      .map(recordOf)
      .map((entry) => ({
        reason: textOf(entry["reason"]) ?? "",
        text: textOf(entry["text"]) ?? "",
        ...present({ address: textOf(entry["address"]), peer: textOf(entry["peer"]) }),
      })),
  };
}

type Present<T> = { readonly [Key in keyof T]?: Exclude<T[Key], undefined> };

/** The members that are there. */
export function present<T extends object>(members: T): Present<T>;
export function present(members: object): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
