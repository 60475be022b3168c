import type { Instance } from "./instance.ts";
import { type Cable, configure, connect, createNamespaces, setSysctls } from "./namespaces.ts";
import { Router, type RouterOptions } from "./router.ts";

/** A node of the scenario. Its number is the last digit of its name and addresses. */
export interface ScenarioNode {
  readonly name: string;
  readonly address: string;
  readonly podCidr: string;
}

/** The addresses and AS numbers of the scenario; fixed, so that what is seen compares. */
export const scenario = {
  clientAddress: "172.16.9.11",
  /** The router's far side, which the speakers dial. */
  routerAddress: "172.16.9.1",
  routerNodeSideAddress: "172.16.7.1",
  routerAsn: 64512,
  speakerAsn: 64522,
  poolCidr: "172.16.7.192/26",
  serviceAddress: "172.16.7.192",
  nodes: [0, 1, 2, 3].map(
    (number): ScenarioNode => ({
      name: `node${number}`,
      address: `172.16.7.1${number}`,
      podCidr: `10.244.${number}.0/24`,
    }),
  ),
} as const;

/** Nodes that run a speaker; node0 has the API server and the controller. */
export const workerNodes = scenario.nodes.slice(1);

/** @throws RangeError unless `number` is that of a worker node */
export function workerNode(number: number): ScenarioNode {
  const node = workerNodes[number - 1];
  if (node === undefined) throw new RangeError(`no worker node ${number}`);
  return node;
}

/** bgpd's configuration: what a user of this scenario has, with timers left at FRR's defaults. */
export const routerConfig = `
router bgp ${scenario.routerAsn}
 bgp router-id ${scenario.routerAddress}
 bgp log-neighbor-changes
 no bgp ebgp-requires-policy
 neighbor nodes peer-group
 neighbor nodes remote-as ${scenario.speakerAsn}
${workerNodes.map((node) => ` neighbor ${node.address} peer-group nodes`).join("\n")}
 address-family ipv4 unicast
  network 172.16.9.0/24
  maximum-paths 8
 exit-address-family
exit
`;

/** What differs from the scenario's own router. */
export type RouterSettings = Partial<Pick<RouterOptions, "config" | "bfd">>;

/**
 * The scenario's network: client, router, the bridge "k8s-net" in a namespace of its own, and four
 * nodes, cabled and with a running router.
 */
export class Topology implements AsyncDisposable {
  readonly router: Router;
  readonly client: string;
  readonly #instance: Instance;
  readonly #switch: string;

  private constructor(instance: Instance, router: Router) {
    this.#instance = instance;
    this.router = router;
    this.client = instance.namespace("client");
    this.#switch = instance.namespace("switch");
  }

  static async build(instance: Instance, options: RouterSettings = {}): Promise<Topology> {
    await buildNetwork(instance);
    const router = await Router.start({
      config: routerConfig,
      ...options,
      namespace: instance.namespace("router"),
      directory: instance.path("router"),
    });
    return new Topology(instance, router);
  }

  /** The namespace of a node. */
  node(name: string): string {
    return this.#instance.namespace(name);
  }

  /** Takes the node's link down, or up again: both ends see it. */
  async setLink(node: string, state: "up" | "down"): Promise<void> {
    await configure(this.#switch, [`link set ${node} ${state}`]);
  }

  /** Cuts the node off, or joins it again, without either end seeing a link change. */
  async setSwitched(node: string, isSwitched: boolean): Promise<void> {
    const master = isSwitched ? `master ${bridge}` : "nomaster";
    await configure(this.#switch, [`link set ${node} ${master}`]);
  }

  async close(): Promise<void> {
    await this.router.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

const bridge = "k8s-net";

async function buildNetwork(instance: Instance): Promise<void> {
  const name = (part: string): string => instance.namespace(part);
  const nodes = scenario.nodes.map((node) => node.name);
  await createNamespaces(["client", "router", "switch", ...nodes].map(name));
  const cables: Cable[] = [
    {
      from: { namespace: name("client"), device: "eth0" },
      to: { namespace: name("router"), device: "eth9" },
    },
    ...["router", ...nodes].map((part) => ({
      from: { namespace: name(part), device: part === "router" ? "eth7" : "eth0" },
      to: { namespace: name("switch"), device: part },
    })),
  ];
  await Promise.all([connect(cables), setRouterSysctls(name("router"))]);
  await Promise.all([
    configure(name("switch"), [
      `link add ${bridge} type bridge`,
      `link set ${bridge} up`,
      ...["router", ...nodes].flatMap((part) => [
        `link set ${part} master ${bridge}`,
        `link set ${part} up`,
      ]),
    ]),
    configure(name("client"), [
      `addr add ${scenario.clientAddress}/24 dev eth0`,
      "link set eth0 up",
      `route add default via ${scenario.routerAddress}`,
    ]),
    configureRouterLinks(name("router")),
    ...scenario.nodes.map((node) => configureNode(name(node.name), node)),
  ]);
}

async function setRouterSysctls(router: string): Promise<void> {
  await setSysctls(router, {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    // Balance connections, not clients: from one client all would go one way otherwise.
    "net.ipv4.fib_multipath_hash_policy": 1,
    "net.ipv6.fib_multipath_hash_policy": 1,
  });
}

/**
 * No proxy ARP towards the nodes, though the pool lies in their subnet and a host there would ask
 * by ARP: with proxy_arp_pvlan, which that takes, the router answers for the nodes as well. A node
 * that asks for another one while that is away learns the router's address, and keeps it.
 */
async function configureRouterLinks(router: string): Promise<void> {
  await configure(router, [
    `addr add ${scenario.routerAddress}/24 dev eth9`,
    "link set eth9 up",
    `addr add ${scenario.routerNodeSideAddress}/24 dev eth7`,
    "link set eth7 up",
  ]);
}

async function configureNode(namespace: string, node: ScenarioNode): Promise<void> {
  await setSysctls(namespace, {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.eth0.rp_filter": 0,
  });
  await configure(namespace, [
    `addr add ${node.address}/24 dev eth0`,
    "link set eth0 up",
    `route add default via ${scenario.routerNodeSideAddress}`,
  ]);
}
