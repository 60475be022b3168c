import type { Service } from "../cluster/service.ts";
import { type DataplaneState, familyKey, type SpeakerSnapshot } from "../cluster/snapshot.ts";
import type { Prefix } from "../net/prefix.ts";
import { type Candidate, candidateOf } from "./candidate.ts";
import { type AdvertisedDiff, diffAdvertised } from "./changes.ts";
import { Claimants } from "./claimants.ts";
import { type Decision, decideRoutes } from "./decide.ts";
import { keepRoutes } from "./kept-routes.ts";
import type { DecisionPeer } from "./peer-groups.ts";
import { spliceRoutes } from "./splice-routes.ts";

/** Keys of the Services that changed, or whose EndpointSlices did; or that nobody knows which. */
export type Changed = ReadonlySet<string> | "anything";

/** What is to be decided, and for which sessions. */
export interface Question {
  readonly snapshot: SpeakerSnapshot;
  readonly peers: readonly DecisionPeer[];
}

export interface Redecision {
  readonly decision: Decision;
  /** Which addresses came and went since the decision before. */
  readonly diff: AdvertisedDiff;
}

/** The same maps as a Decision's, to be changed in place. */
type Maps = {
  readonly [K in Exclude<keyof Decision, "routes">]: Decision[K] extends ReadonlyMap<
    string,
    infer V
  >
    ? Map<string, V>
    : never;
};

interface Last {
  readonly snapshot: SpeakerSnapshot;
  readonly peers: readonly DecisionPeer[];
  readonly maps: Maps;
  readonly routes: Decision["routes"];
}

/** Beyond this share of all Services, deciding about all of them is no more work. */
const largestShare = 0.25;

/**
 * `decideRoutes`, remembered: where only some Services changed, only those are decided about, and
 * those that their addresses or routes are shared with. The answer is that of the whole pass, always;
 * a change of anything else (configuration, Node, peers, data plane) and a drain lead to one.
 *
 * The maps of a Decision, but for `routes`, are changed by the next call.
 */
export class Redecider {
  #last: Last | undefined;
  /** Of the decision that was last given away. */
  #given: Decision["advertised"] = new Map();
  readonly #claimants = new Claimants();
  /** Decides about what is kept, while something is. */
  #kept: Redecider | undefined;

  /** The decision before was not carried out, and no other either: the next is as the first. */
  forget(): void {
    this.#last = undefined;
    this.#kept = undefined;
    this.#given = new Map();
  }

  /**
   * Decides about some Services in advance, as if there were no others but those of the calls before.
   * Once all are named, `decide` has little left to do. False: something else has changed, and the
   * calls before count no more.
   */
  prepare(
    snapshot: SpeakerSnapshot,
    peers: readonly DecisionPeer[],
    keys: readonly string[],
  ): boolean {
    const last = this.#last ?? this.#decideAll({ ...snapshot, services: new Map() }, peers);
    const isSame = isRestSame(last, snapshot, peers);
    if (isSame) {
      this.#decideAbout(this.#affectedBy(new Set(keys), last, snapshot), last, snapshot, peers);
    } else {
      this.#last = undefined;
    }
    return isSame;
  }

  /** `kept`: what the answer to that advertises beyond the other stays (`keepRoutes`). */
  decide(
    snapshot: SpeakerSnapshot,
    peers: readonly DecisionPeer[],
    changed: Changed,
    kept?: Question,
  ): Redecision {
    if (kept !== undefined) {
      // It may be the map that is now changed in place.
      this.#given = new Map(this.#given);
    }
    const partial = this.#decideInPart(snapshot, peers, changed);
    const { maps, routes } = this.#last ?? this.#decideAll(snapshot, peers);
    const decision = this.#keep({ ...maps, routes }, changed, kept);
    const isContinued = partial !== undefined && this.#given === decision.advertised;
    const diff = isContinued ? partial : diffAdvertised(this.#given, decision.advertised);
    this.#given = decision.advertised;
    return { decision, diff };
  }

  #keep(decision: Decision, changed: Changed, kept: Question | undefined): Decision {
    if (kept === undefined) {
      this.#kept = undefined;
      return decision;
    }
    this.#kept ??= new Redecider();
    return keepRoutes(decision, this.#kept.decide(kept.snapshot, kept.peers, changed).decision);
  }

  /** What came and went; undefined: it takes a whole pass. */
  #decideInPart(
    snapshot: SpeakerSnapshot,
    peers: readonly DecisionPeer[],
    changed: Changed,
  ): AdvertisedDiff | undefined {
    const last = this.#last;
    if (last !== undefined && changed !== "anything" && isRestSame(last, snapshot, peers)) {
      const affected = this.#affectedBy(changed, last, snapshot);
      if (affected.size <= largestShare * snapshot.services.size) {
        return this.#decideAbout(affected, last, snapshot, peers);
      }
    }
    this.#last = undefined;
    return undefined;
  }

  #decideAll(snapshot: SpeakerSnapshot, peers: readonly DecisionPeer[]): Last {
    const decision = decideRoutes(snapshot, peers);
    const maps: Maps = {
      advertised: new Map(decision.advertised),
      withheld: new Map(decision.withheld),
      refused: new Map(decision.refused),
      endings: new Map(decision.endings),
      weights: new Map(decision.weights),
      healthPorts: new Map(decision.healthPorts),
      arrivals: new Map(decision.arrivals),
    };
    this.#claimants.clear();
    for (const [key, service] of snapshot.services) {
      this.#claimants.set(key, candidateOf(snapshot.config, service));
    }
    const last = { snapshot, peers, maps, routes: decision.routes };
    this.#last = last;
    return last;
  }

  #decideAbout(
    affected: ReadonlySet<string>,
    last: Last,
    snapshot: SpeakerSnapshot,
    peers: readonly DecisionPeer[],
  ): AdvertisedDiff {
    const services = new Map<string, Service>();
    for (const key of affected) {
      const service = snapshot.services.get(key);
      if (service !== undefined) {
        services.set(key, service);
      }
    }
    const part = decideRoutes({ ...snapshot, services }, peers);
    const { maps } = last;
    const before = new Map<string, readonly string[]>();
    const prefixes = new Map<string, Prefix>();
    for (const key of affected) {
      const held = maps.advertised.get(key);
      if (held !== undefined) {
        before.set(key, held);
      }
      put(maps.advertised, part.advertised, key);
      put(maps.withheld, part.withheld, key);
      put(maps.refused, part.refused, key);
      put(maps.healthPorts, part.healthPorts, key);
      for (const family of ["ipv4", "ipv6"] as const) {
        put(maps.endings, part.endings, familyKey(key, family));
        put(maps.arrivals, part.arrivals, familyKey(key, family));
      }
      const service = services.get(key);
      const now = service && candidateOf(snapshot.config, service);
      for (const candidate of [this.#claimants.candidate(key), now]) {
        collectPrefixes(candidate, prefixes);
        for (const { text } of candidate?.addresses ?? []) {
          put(maps.weights, part.weights, text);
        }
      }
      this.#claimants.set(key, now);
    }
    const routes = spliceRoutes(last.routes, part.routes, [...prefixes.values()]);
    this.#last = { snapshot, peers, maps, routes };
    return diffAdvertised(before, part.advertised);
  }

  /** With all that a change of these Services, or the time that has passed, may bear upon. */
  #affectedBy(
    changed: ReadonlySet<string>,
    last: Last,
    snapshot: SpeakerSnapshot,
  ): ReadonlySet<string> {
    const affected = new Set<string>();
    const waiting = [...changed, ...this.#dependentOnTime(last, snapshot)];
    for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
      if (!affected.has(key)) {
        affected.add(key);
        const service = snapshot.services.get(key);
        const now = service && candidateOf(snapshot.config, service);
        for (const candidate of [this.#claimants.candidate(key), now]) {
          waiting.push(...this.#claimants.sharingWith(candidate));
        }
      }
    }
    return affected;
  }

  /** Endpoints that end or came, and weights that rest. */
  #dependentOnTime({ maps }: Last, { endings }: SpeakerSnapshot): readonly string[] {
    const ending = [...endings.keys(), ...maps.endings.keys()].map((key) =>
      key.slice(0, key.lastIndexOf(" ")),
    );
    const arrived = [...maps.arrivals.values()].map(({ serviceKey }) => serviceKey);
    const resting: string[] = [];
    for (const [address, { count, wanted }] of maps.weights) {
      if (count !== wanted) {
        resting.push(...this.#claimants.of(address));
      }
    }
    return [...ending, ...arrived, ...resting];
  }
}

/** Whether all that bears upon every Service is as it was. */
function isRestSame(
  last: Last,
  snapshot: SpeakerSnapshot,
  peers: readonly DecisionPeer[],
): boolean {
  const before = last.snapshot;
  return (
    before.drain === undefined &&
    snapshot.drain === undefined &&
    before.config === snapshot.config &&
    before.node === snapshot.node &&
    before.loadBalancerClass === snapshot.loadBalancerClass &&
    before.ignoreExcludeLabel === snapshot.ignoreExcludeLabel &&
    before.drainOnCordon === snapshot.drainOnCordon &&
    before.drainTimeMs === snapshot.drainTimeMs &&
    isSameDataplane(before.dataplane, snapshot.dataplane) &&
    last.peers.length === peers.length &&
    peers.every(({ name, entryName, isLeaving = false }, index) => {
      const other = last.peers[index];
      return (
        other?.name === name &&
        other.entryName === entryName &&
        (other.isLeaving ?? false) === isLeaving
      );
    })
  );
}

function isSameDataplane(a: DataplaneState | undefined, b: DataplaneState | undefined): boolean {
  if (a === undefined || b === undefined) {
    return a === b;
  }
  return (
    a.isNodeUnhealthy === b.isNodeUnhealthy &&
    a.unhealthyServices.size === b.unhealthyServices.size &&
    [...a.unhealthyServices].every((key) => b.unhealthyServices.has(key))
  );
}

function collectPrefixes(candidate: Candidate | undefined, into: Map<string, Prefix>): void {
  for (const address of candidate?.addresses ?? []) {
    if (address.home === "pool") {
      for (const { routes } of address.offers) {
        for (const { prefix } of routes) {
          into.set(prefix.key, prefix);
        }
      }
    }
  }
}

/** Takes over what `from` has under `key`, also if that is nothing. */
function put<T>(into: Map<string, T>, from: ReadonlyMap<string, T>, key: string): void {
  const value = from.get(key);
  if (value === undefined) {
    into.delete(key);
  } else {
    into.set(key, value);
  }
}
