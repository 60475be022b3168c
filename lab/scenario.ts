import type { AddressFamily } from "../src/net/address.ts";

export type ByFamily = Readonly<Record<AddressFamily, string>>;

/** A node of the scenario. Its number is the last digit of its name and addresses. */
export interface ScenarioNode {
  readonly name: string;
  readonly address: string;
  readonly podCidr: string;
  /** The same for IPv6, in labs that have it. */
  readonly ipv6: { readonly address: string; readonly podCidr: string };
}

/** A router's place in the network, with the client behind it. */
export interface Site {
  /** Also the name of the router's namespace. */
  readonly name: string;
  /** The name of the client's namespace. */
  readonly client: string;
  readonly clientAddress: ByFamily;
  /** The network of the client and the router's far side. */
  readonly farNetwork: ByFamily;
  /** The router's far side, which the speakers dial. */
  readonly routerAddress: ByFamily;
  readonly routerNodeSideAddress: ByFamily;
}

const sites = [
  {
    name: "router",
    client: "client",
    clientAddress: { ipv4: "172.16.9.11", ipv6: "fd00:9::11" },
    farNetwork: { ipv4: "172.16.9.0/24", ipv6: "fd00:9::/64" },
    routerAddress: { ipv4: "172.16.9.1", ipv6: "fd00:9::1" },
    routerNodeSideAddress: { ipv4: "172.16.7.1", ipv6: "fd00:7::1" },
  },
  {
    name: "router2",
    client: "client2",
    clientAddress: { ipv4: "172.16.10.11", ipv6: "fd00:a::11" },
    farNetwork: { ipv4: "172.16.10.0/24", ipv6: "fd00:a::/64" },
    routerAddress: { ipv4: "172.16.10.1", ipv6: "fd00:a::1" },
    routerNodeSideAddress: { ipv4: "172.16.7.2", ipv6: "fd00:7::2" },
  },
] as const satisfies readonly Site[];

const pools: ByFamily = { ipv4: "172.16.7.192/26", ipv6: "2001:db8:7::/120" };
const serviceAddresses: ByFamily = { ipv4: "172.16.7.192", ipv6: "2001:db8:7::" };

/** The addresses and AS numbers of the scenario; fixed, so that what is seen compares. */
export const scenario = {
  /** The scenario's own router, and the second one of labs with two. */
  sites,
  clientAddress: sites[0].clientAddress.ipv4,
  routerAddress: sites[0].routerAddress.ipv4,
  routerAsn: 64512,
  speakerAsn: 64522,
  poolCidr: pools.ipv4,
  pools,
  /** The first of the pool, which the Service nginx gets. */
  serviceAddresses,
  serviceAddress: serviceAddresses.ipv4,
  nodes: [0, 1, 2, 3].map(
    (number): ScenarioNode => ({
      name: `node${number}`,
      address: `172.16.7.1${number}`,
      podCidr: `10.244.${number}.0/24`,
      ipv6: { address: `fd00:7::1${number}`, podCidr: `fd00:10:244:${number}::/64` },
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

/** The node's own address. */
export function nodeAddress(node: ScenarioNode, family: AddressFamily): string {
  return family === "ipv4" ? node.address : node.ipv6.address;
}
