import type { Address, AddressFamily } from "../net/address.ts";
import type { AddressRange } from "../net/range.ts";

/**
 * The configuration, parsed: defaulted, cross-checked and never checked again.
 *
 * Durations are seconds. Lists keep the order in which the user wrote them.
 */
export interface Config {
  readonly peers: readonly PeerConfig[];
  readonly pools: readonly PoolConfig[];
  /**
   * Pools with `protocol: layer2`. We do not speak it; a Service that has an address of such a pool,
   * or asks for the pool, is left untouched.
   */
  readonly layer2Pools: readonly Layer2Pool[];
}

export interface Layer2Pool {
  readonly name: string;
  readonly ranges: readonly AddressRange[];
}

/** One entry of `peers`. */
export interface PeerConfig {
  /**
   * `name`, else `address:port` (IPv6 in brackets; `#2`, `#3` behind it for further entries at one
   * address). Unique: the identity of the entry.
   */
  readonly name: string;
  readonly myAsn: number;
  readonly peerAsn: number | "external" | "internal";
  readonly peerAddress: Address | "default-gateway";
  readonly peerPort: number;
  readonly sourceAddress?: Address;
  /** 0 (no liveness check) or 3 to 65535. */
  readonly holdTimeSeconds: number;
  /** Absent: a third of the negotiated Hold Time. */
  readonly keepaliveTimeSeconds?: number;
  readonly connectTimeSeconds: number;
  readonly sendHoldTimeSeconds: number;
  readonly routerId?: Address;
  /** Any one that matches is enough; an empty list matches every node. None of them is empty. */
  readonly nodeSelectors: readonly Selector[];
  readonly password?: PeerPassword;
  readonly ebgpMultihop: boolean;
  /** GTSM: the router is at most this many hops away (RFC 5082); absent: off. */
  readonly ttlSecurityHops?: number;
  readonly bfdProfile?: BfdProfile;
  /** Absent: graceful restart is off. */
  readonly gracefulRestart?: { readonly restartTimeSeconds: number };
  readonly families: readonly AddressFamily[];
  /** 0: none. */
  readonly importLimit: number;
  readonly linkBandwidth: "auto" | "transitive" | "non-transitive" | "off";
}

/** `text` is never logged or shown. */
export type PeerPassword =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "secret"; readonly name: string; readonly key: string };

export interface BfdProfile {
  readonly name: string;
  readonly receiveIntervalMs: number;
  readonly transmitIntervalMs: number;
  readonly detectMultiplier: number;
  readonly passiveMode: boolean;
  readonly minimumTtl: number;
}

/** A label selector: all of it must match. Empty: matches everything. */
export interface Selector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly SelectorRequirement[];
}

export interface SelectorRequirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values: readonly string[];
}

/** One entry of `address-pools` with `protocol: bgp`. */
export interface PoolConfig {
  readonly name: string;
  readonly ranges: readonly AddressRange[];
  readonly avoidBuggyIps: boolean;
  readonly autoAssign: boolean;
  readonly sharing: "cluster" | "namespace";
  readonly serviceAllocation?: ServiceAllocation;
  readonly weights: boolean;
  /** 0 to 65535: also send the standard community THIS:count. */
  readonly weightCommunity?: number;
  readonly serviceAnnotations: ServiceAnnotationLimits;
  /** Never empty: without `bgp-advertisements` it holds one with the defaults. */
  readonly advertisements: readonly AdvertisementConfig[];
}

export interface ServiceAllocation {
  /** Low numbers first; 0 (or absent in the file) last. */
  readonly priority: number;
  readonly namespaces: readonly string[];
  readonly namespaceSelectors: readonly Selector[];
  readonly serviceSelectors: readonly Selector[];
}

/** What a Service may ask for by annotation. */
export interface ServiceAnnotationLimits {
  readonly communities: readonly Community[];
  readonly med?: { readonly min: number; readonly max: number };
  readonly prepend?: { readonly min: number; readonly max: number };
}

export interface AdvertisementConfig {
  readonly aggregationLength: number;
  readonly aggregationLengthV6: number;
  readonly localHostRoutes: boolean;
  readonly localPref: number;
  readonly communities: readonly Community[];
  /** 0: MED is not sent. */
  readonly med: number;
  readonly prepend: number;
  /** Names of peers; empty: all. */
  readonly peers: readonly string[];
  readonly nodeSelectors: readonly Selector[];
  readonly serviceSelectors: readonly Selector[];
}

/** A standard community as one 32-bit number (RFC 1997), or a large one (RFC 8092). */
export type Community =
  | { readonly type: "standard"; readonly value: number }
  | { readonly type: "large"; readonly value: readonly [number, number, number] };

/**
 * Something wrong with a configuration. Written as `config:LINE:COLUMN: PATH: message`.
 *
 * `message` says what is wrong, the value (never a password) and what would be right.
 */
export interface ConfigFinding {
  readonly severity: "error" | "warning";
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** `peers[0].peer-asn`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
}

/**
 * A warning leaves the configuration usable. A `layer2` pool is an error for `lint`, but the
 * daemons leave out only that pool: it is listed in `config.layer2Pools` and in `findings` as a
 * warning unless `parseConfig` is told to be strict.
 */
export type ParsedConfig =
  | { readonly ok: true; readonly config: Config; readonly findings: readonly ConfigFinding[] }
  | { readonly ok: false; readonly findings: readonly ConfigFinding[] };
