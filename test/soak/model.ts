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
  const decided = expectedDecisions(world, seen);
  const routes = new Map<string, ReadonlySet<string>>();
  for (const { address } of loadBalancers(world)) {
    const nodes = [...decided].filter(
      ([name, addresses]) => addresses.has(address) && !world.node(name).isShutByRouter,
    );
    routes.set(address, new Set(nodes.map(([name]) => name)));
  }
  return routes;
}

/**
 * The addresses that the speaker of each node should advertise, by node, whether its session is up or
 * not; of nodes that have a speaker, a peer, and the API server.
 */
export function expectedDecisions(
  world: SoakWorld,
  seen: SeenPods,
): ReadonlyMap<string, ReadonlySet<string>> {
  const deciding = [...world.nodes].filter(
    ([name, { isCut }]) =>
      !isCut && world.config.nodeWithoutPeer !== name && seen.speakerNodes.has(name),
  );
  return new Map(
    deciding.map(([name, node]) => {
      const wanted = loadBalancers(world).filter(({ service }) =>
        isWanted(world, seen, service, name, node),
      );
      return [name, new Set(wanted.map(({ address }) => address))];
    }),
  );
}

function loadBalancers(
  world: SoakWorld,
): readonly { readonly service: SoakService; readonly address: string }[] {
  return [...world.services.values()].flatMap((service) =>
    service.isLoadBalancer && service.address !== undefined
      ? [{ service, address: service.address }]
      : [],
  );
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
