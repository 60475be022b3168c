import type { Route } from "../../bgp/route.ts";
import { type ReducedSlice, sliceReducer } from "../../cluster/endpoint.ts";
import type { Node } from "../../cluster/node.ts";
import type { LoadBalancerClass, Service } from "../../cluster/service.ts";
import type { Config } from "../../config/model.ts";
import { allocate } from "../../controller/allocate.ts";
import { type Allocation, nothingAllocated, poolAnnotation } from "../../controller/outcome.ts";
import { findStranded, type StrandedAddress } from "../../controller/stranded.ts";
import { parseAddress } from "../../net/address.ts";
import { decideRoutes } from "../../speaker/decide.ts";
import { diffSessions, type PlannedSession, planSessions } from "../../speaker/peers.ts";
import type { ClusterFacts } from "./cluster-facts.ts";

/** What a new configuration would change. */
export interface PlannedChange {
  /** Addresses that it would take away: the controller refuses it unless renumbering is allowed. */
  readonly stranded: readonly StrandedAddress[];
  readonly services: readonly ServiceChange[];
  /** Sorted by node and peer; only those in which something changes. */
  readonly routes: readonly RouteChange[];
  readonly sessions: readonly SessionChange[];
}

export interface ServiceChange {
  /** `namespace/name`. */
  readonly service: string;
  readonly change: "renumbered" | "loses" | "gains";
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** Why it has not got what it wants afterwards. */
  readonly reason?: string;
}

export interface RouteChange {
  readonly node: string;
  /** Name of the entry in `peers`. */
  readonly peer: string;
  readonly added: readonly string[];
  readonly withdrawn: readonly string[];
  /** Advertised with other attributes. */
  readonly changed: readonly string[];
}

export interface SessionChange {
  readonly peer: string;
  readonly change: "added" | "removed" | "reset";
  readonly nodes: readonly string[];
}

/** Stands for the gateway of each host and for what Secrets hold: they are not asked. */
const unknownGateway = parseAddress("0.0.0.0");
const planSources = {
  defaultGateways: unknownGateway === undefined ? [] : [unknownGateway],
  secret: () => ({ state: "present", text: "-" }) as const,
};

/**
 * Compares what controller and speakers decide by `before` and by `after`, each when all writes are
 * done and no node is draining. What a status shows counts as it stands, also where nothing is in
 * force yet or no controller runs; only a Service without an address is given one by `before` first.
 * Nothing is asked, and nothing changed.
 */
export function planChange(
  facts: ClusterFacts,
  loadBalancerClass: LoadBalancerClass,
  before: Config,
  after: Config,
): PlannedChange {
  const services = new Map(facts.services.map((service) => [service.key, service]));
  const snapshot = { config: before, loadBalancerClass, services, namespaces: facts.namespaces };
  const hasNone = ({ ingress }: Service) => ingress.length === 0;
  const settled = {
    ...snapshot,
    services: withAddresses(services, allocate(snapshot), hasNone),
  };
  const next = allocate({ ...settled, config: after });
  const states = [
    { config: before, services: settled.services },
    { config: after, services: withAddresses(settled.services, next, () => true) },
  ] as const;
  const nodes = facts.nodes.toSorted((a, b) => compareText(a.name, b.name));
  return {
    stranded: findStranded(settled, nothingAllocated, after),
    services: changedServices(states, next),
    routes: nodes.flatMap((node) => changedRoutes(facts, loadBalancerClass, node, states)),
    sessions: changedSessions(nodes, before, after),
  };
}

function withAddresses(
  services: ReadonlyMap<string, Service>,
  { outcomes }: Allocation,
  isWritten: (service: Service) => boolean,
): ReadonlyMap<string, Service> {
  const changed = new Map(services);
  for (const [key, outcome] of outcomes) {
    const service = services.get(key);
    if (service !== undefined && outcome.type === "assigned") {
      const { annotations, ingress } = service;
      const [first] = outcome.addresses;
      changed.set(key, {
        ...service,
        annotations: { ...annotations, [poolAnnotation]: first?.pool.name ?? "" },
        ingress: isWritten(service)
          ? outcome.addresses.map(({ address }) => ({ ip: address.text }))
          : ingress,
      });
    } else if (
      service !== undefined &&
      isWritten(service) &&
      outcome.type === "unassigned" &&
      outcome.mustClear
    ) {
      changed.set(key, { ...service, ingress: [] });
    }
  }
  return changed;
}

function changedServices(
  [standing, planned]: readonly [State, State],
  { outcomes }: Allocation,
): readonly ServiceChange[] {
  return [...outcomes]
    .toSorted(([a], [b]) => compareText(a, b))
    .flatMap(([service, outcome]) => {
      const [before, after] = [standing, planned].map(({ services }) =>
        (services.get(service)?.ingress ?? []).flatMap(({ ip }) => ip ?? []),
      );
      if (before === undefined || after === undefined || isSameSet(before, after)) {
        return [];
      }
      const change = after.length === 0 ? "loses" : before.length === 0 ? "gains" : "renumbered";
      const reason = outcome.type === "unassigned" ? outcome.shortfall.message : undefined;
      return [{ service, change, before, after, ...(reason === undefined ? {} : { reason }) }];
    });
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.toSorted().join() === b.toSorted().join();
}

interface State {
  readonly config: Config;
  readonly services: ReadonlyMap<string, Service>;
}

function changedRoutes(
  { slices }: ClusterFacts,
  loadBalancerClass: LoadBalancerClass,
  node: Node,
  states: readonly [State, State],
): readonly RouteChange[] {
  const endpointSlices = new Map<string, ReducedSlice[]>();
  for (const slice of slices.map(sliceReducer(node.name))) {
    const others = endpointSlices.get(slice.serviceKey) ?? [];
    endpointSlices.set(slice.serviceKey, [...others, slice]);
  }
  const [before, after] = states.map(({ config, services }) => {
    const sessions = planSessions(config, node, planSources).sessions.map(
      ({ peer, entryName }) => ({ name: peer.name, entryName }),
    );
    const snapshot = {
      config,
      loadBalancerClass,
      services,
      endpointSlices,
      node,
      ignoreExcludeLabel: false,
      drainOnCordon: false,
      drainTimeMs: 0,
      nowMs: 0,
      endings: new Map(),
      weights: new Map(),
    };
    const { routes } = decideRoutes(snapshot, sessions);
    return new Map(sessions.map(({ name, entryName }) => [entryName, routes.get(name) ?? []]));
  });
  const peers = new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])]);
  return [...peers]
    .toSorted(compareText)
    .map((peer) => diffRoutes(node.name, peer, before?.get(peer) ?? [], after?.get(peer) ?? []))
    .filter(
      ({ added, withdrawn, changed }) => added.length + withdrawn.length + changed.length > 0,
    );
}

function diffRoutes(
  node: string,
  peer: string,
  before: readonly Route[],
  after: readonly Route[],
): RouteChange {
  const had = new Map(before.map((route) => [route.prefix.key, JSON.stringify(route.attributes)]));
  const keys = new Set(after.map(({ prefix }) => prefix.key));
  return {
    node,
    peer,
    added: after.filter(({ prefix }) => !had.has(prefix.key)).map(({ prefix }) => prefix.key),
    withdrawn: [...had.keys()].filter((key) => !keys.has(key)),
    changed: after
      .filter(({ prefix, attributes }) => {
        const other = had.get(prefix.key);
        return other !== undefined && other !== JSON.stringify(attributes);
      })
      .map(({ prefix }) => prefix.key),
  };
}

function changedSessions(
  nodes: readonly Node[],
  before: Config,
  after: Config,
): readonly SessionChange[] {
  const found = new Map<string, { readonly change: SessionChange; readonly nodes: string[] }>();
  const note = (peer: string, change: SessionChange["change"], node: string) => {
    const key = `${peer} ${change}`;
    const entry = found.get(key) ?? { change: { peer, change, nodes: [] }, nodes: [] };
    entry.nodes.push(node);
    found.set(key, entry);
  };
  for (const node of nodes) {
    const running = new Map<string, PlannedSession>(
      planSessions(before, node, planSources).sessions.map((each) => [each.peer.name, each]),
    );
    const planned = planSessions(after, node, planSources).sessions;
    const { removed, changed, added } = diffSessions(running, planned);
    for (const name of removed) {
      note(running.get(name)?.entryName ?? name, "removed", node.name);
    }
    for (const { entryName } of changed) {
      note(entryName, "reset", node.name);
    }
    for (const { entryName } of added) {
      note(entryName, "added", node.name);
    }
  }
  return [...found.values()]
    .map(({ change, nodes: names }) => ({ ...change, nodes: names }))
    .toSorted((a, b) => compareText(a.peer, b.peer) || compareText(a.change, b.change));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
