import type { Instance } from "./instance.ts";
import {
  addAddress,
  type Cable,
  configure,
  connect,
  createNamespaces,
  setSysctls,
} from "./namespaces.ts";
import { type ScenarioNode, type Site, scenario } from "./scenario.ts";
import { hasIpv6, networkValues, type Variant } from "./variant.ts";

export const bridge = "k8s-net";

/** Makes the namespaces of the scenario and cables them: clients, routers, switch, nodes. */
export async function buildNetwork(instance: Instance, variant: Variant): Promise<void> {
  const name = (part: string): string => instance.namespace(part);
  const { sites } = variant;
  const nodes = scenario.nodes.map((node) => node.name);
  const routers = sites.map((site) => site.name);
  const clients = sites.map((site) => site.client);
  await createNamespaces([...clients, ...routers, "switch", ...nodes].map(name));
  const cables: Cable[] = [
    ...sites.map((site) => ({
      from: { namespace: name(site.client), device: "eth0" },
      to: { namespace: name(site.name), device: "eth9" },
    })),
    ...[...routers, ...nodes].map((part) => ({
      from: { namespace: name(part), device: routers.includes(part) ? "eth7" : "eth0" },
      to: { namespace: name("switch"), device: part },
    })),
  ];
  await Promise.all([connect(cables), ...routers.map((router) => setRouterSysctls(name(router)))]);
  await Promise.all([
    configure(name("switch"), [
      `link add ${bridge} type bridge`,
      `link set ${bridge} up`,
      ...[...routers, ...nodes].flatMap((part) => [
        `link set ${part} master ${bridge}`,
        `link set ${part} up`,
      ]),
    ]),
    ...sites.map((site) => configureClient(name(site.client), site, variant)),
    ...sites.map((site) => configureRouterLinks(name(site.name), site, variant)),
    ...scenario.nodes.map((node) => configureNode(name(node.name), node, variant)),
  ]);
}

/**
 * No proxy ARP towards the nodes, though the pool lies in their subnet and a host there would ask
 * by ARP: with proxy_arp_pvlan, which that takes, the router answers for the nodes as well. A node
 * that asks for another one while that is away learns the router's address, and keeps it.
 */
export async function configureRouterLinks(
  router: string,
  site: Site,
  variant: Variant,
): Promise<void> {
  await configure(router, [
    ...networkValues(variant, site.routerAddress).map((address) => addAddress(address, "eth9")),
    "link set eth9 up",
    ...networkValues(variant, site.routerNodeSideAddress).map((address) =>
      addAddress(address, "eth7"),
    ),
    "link set eth7 up",
  ]);
}

/** Takes the addresses and routes along. */
export async function takeRouterLinksDown(router: string): Promise<void> {
  await configure(
    router,
    ["eth7", "eth9"].flatMap((device) => [`addr flush dev ${device}`, `link set ${device} down`]),
  );
}

async function setRouterSysctls(router: string): Promise<void> {
  await setSysctls(router, {
    "net.ipv4.ip_forward": 1,
    "net.ipv6.conf.all.forwarding": 1,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    // Balance connections, not clients: from one client all would go one way otherwise.
    "net.ipv4.fib_multipath_hash_policy": 1,
    "net.ipv6.fib_multipath_hash_policy": 1,
  });
}

async function configureClient(namespace: string, site: Site, variant: Variant): Promise<void> {
  await configure(namespace, [
    ...networkValues(variant, site.clientAddress).map((address) => addAddress(address, "eth0")),
    "link set eth0 up",
    ...networkValues(variant, site.routerAddress).map(
      (router) => `route add default via ${router}`,
    ),
  ]);
}

/** The default route is through the first router; another one's clients are reached through that. */
async function configureNode(
  namespace: string,
  node: ScenarioNode,
  variant: Variant,
): Promise<void> {
  const [first, ...others] = variant.sites;
  await setSysctls(namespace, {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.eth0.rp_filter": 0,
    ...(hasIpv6(variant) && { "net.ipv6.conf.all.forwarding": 1 }),
  });
  const addresses = { ipv4: node.address, ipv6: node.ipv6.address };
  await configure(namespace, [
    ...networkValues(variant, addresses).map((address) => addAddress(address, "eth0")),
    "link set eth0 up",
    ...(first === undefined
      ? []
      : networkValues(variant, first.routerNodeSideAddress).map(
          (router) => `route add default via ${router}`,
        )),
    ...others.flatMap(({ farNetwork, routerNodeSideAddress }) => {
      const networks = networkValues(variant, farNetwork);
      const routers = networkValues(variant, routerNodeSideAddress);
      return networks.map((network, index) => `route add ${network} via ${routers[index]}`);
    }),
  ]);
}
