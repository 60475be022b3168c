import type { SoakNode, SoakService, SoakWorld } from "./world.ts";

/** What the API server says of Pods; where they run is the scheduler's choice. */
export interface SeenPods {
  /** By app: the nodes with a Pod that is ready and stays. */
  readonly readyNodes: ReadonlyMap<string, ReadonlySet<string>>;
  /** The nodes whose speaker is Ready. */
  readonly speakerNodes: ReadonlySet<string>;
}

/**
 * The nodes through which the router should reach each address once all has settled, by address;
 * none: it should have no route. Written from design.md section 4, not from the speaker's code.
 */
export function expectedRoutes(
  world: SoakWorld,
  seen: SeenPods,
): ReadonlyMap<string, ReadonlySet<string>> {
  const routes = new Map<string, ReadonlySet<string>>();
  for (const service of world.services.values()) {
    const { address } = service;
    if (service.isLoadBalancer && address !== undefined) {
      const nodes = [...world.nodes].filter(
        ([name, node]) =>
          hasSession(world, name, node) &&
          isWanted(world, seen, service, name, node) &&
          seen.speakerNodes.has(name),
      );
      routes.set(address, new Set(nodes.map(([name]) => name)));
    }
  }
  return routes;
}

function hasSession(world: SoakWorld, name: string, node: SoakNode): boolean {
  return !node.isCut && !node.isShutByRouter && world.config.nodeWithoutPeer !== name;
}

/** Whether the node's speaker advertises the Service where it has a session. */
function isWanted(
  world: SoakWorld,
  seen: SeenPods,
  service: SoakService,
  name: string,
  node: SoakNode,
): boolean {
  if (node.isExcluded || !serves(seen, service, name)) {
    return false;
  }
  return !node.isDrained || !isServedElsewhere(world, seen, service, name);
}

function serves(seen: SeenPods, { app, policy }: SoakService, name: string): boolean {
  const ready = seen.readyNodes.get(app) ?? new Set();
  return policy === "Local" ? ready.has(name) : ready.size > 0;
}

/** A node that drains keeps an address that no other node able to serve it would take over. */
function isServedElsewhere(
  world: SoakWorld,
  seen: SeenPods,
  service: SoakService,
  name: string,
): boolean {
  return [...world.nodes].some(
    ([other, { isExcluded, isDrained }]) =>
      other !== name &&
      !isExcluded &&
      !isDrained &&
      seen.speakerNodes.has(other) &&
      world.config.nodeWithoutPeer !== other &&
      serves(seen, service, other),
  );
}
