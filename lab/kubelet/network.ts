import { isIPv6 } from "node:net";
import { attempt, run } from "../command.ts";
import { type JsonObject, listAt, parseJson, textAt, textsAt } from "../kube/json.ts";
import {
  addAddress,
  configure,
  connect,
  createNamespaces,
  deleteNamespaces,
  namespacesUnder,
} from "../namespaces.ts";
import type { KubeletSettings } from "./settings.ts";

/** A Pod's own network. */
export interface PodNetwork {
  readonly namespace: string;
  readonly address: string;
  /** Where the node has IPv6. */
  readonly ipv6?: string;
}

const bridge = "pods";
/** Last octets of Pods' addresses; .1 is the bridge. */
const firstHost = 2;
const hosts = 253;

function portName(host: number): string {
  return `pod${host}`;
}

/** Pod addresses and namespaces of one node, and the node's routes to the Pods of the others. */
export class NodeNetwork {
  readonly #settings: KubeletSettings;
  /** By the last octet. */
  readonly #used = new Set<number>();
  #last = firstHost - 1;
  readonly #routes = new Map<string, string>();

  constructor(settings: KubeletSettings) {
    this.#settings = settings;
  }

  /** Makes the node's bridge for Pods; what is left of an earlier run is removed. */
  async prepare(): Promise<void> {
    const { namespace } = this.#settings;
    await deleteNamespaces(await namespacesUnder(`${namespace}-`));
    const links = parseJson(await run("ip", ["-n", namespace, "-j", "link", "show"]));
    const names = listAt({ links }, "links").flatMap((link) => textAt(link, "ifname") ?? []);
    for (const name of names) {
      if (name === bridge || /^pod\d+$/.test(name)) await this.#removeLink(name);
    }
    await configure(namespace, [
      `link add ${bridge} type bridge`,
      ...addressesOf(this.#at(1)).map((address) => addAddress(address, bridge)),
      `link set ${bridge} up`,
    ]);
  }

  /** Gives a Pod a namespace and an address, both free again after `release`. */
  async allocate(podName: string): Promise<PodNetwork> {
    const host = this.#nextFree();
    this.#used.add(host);
    this.#last = host;
    const namespace = `${this.#settings.namespace}-${podName}`;
    const pod = { namespace, ...this.#at(host) };
    try {
      await this.#connectPod(pod, portName(host));
    } catch (error) {
      await this.release(pod);
      throw error;
    }
    return pod;
  }

  /** Kills what still runs in the Pod's namespace. */
  async release(pod: PodNetwork): Promise<void> {
    const host = Number(pod.address.split(".")[3]);
    // A namespace takes its devices along, but some time later.
    await this.#removeLink(portName(host));
    await deleteNamespaces([pod.namespace]);
    this.#used.delete(host);
  }

  async #connectPod(pod: PodNetwork, port: string): Promise<void> {
    const { namespace: node } = this.#settings;
    await createNamespaces([pod.namespace]);
    await connect([
      { from: { namespace: pod.namespace, device: "eth0" }, to: { namespace: node, device: port } },
    ]);
    await Promise.all([
      configure(node, [`link set ${port} master ${bridge}`, `link set ${port} up`]),
      configure(pod.namespace, [
        ...addressesOf(pod).map((address) => addAddress(address, "eth0")),
        "link set eth0 up",
        ...addressesOf(this.#at(1)).map((node) => `route add default via ${node}`),
      ]),
    ]);
  }

  /** Routes to the Pods of all other nodes, through those nodes' InternalIPs. */
  async routeTo(nodes: Iterable<JsonObject>): Promise<void> {
    const wanted = new Map<string, string>();
    for (const node of nodes) {
      if (textAt(node, "metadata", "name") === this.#settings.nodeName) continue;
      const gateways = listAt(node, "status", "addresses")
        .filter((address) => textAt(address, "type") === "InternalIP")
        .flatMap((address) => textAt(address, "address") ?? []);
      for (const cidr of textsAt(node, "spec", "podCIDRs")) {
        const gateway = gateways.find((address) => isIPv6(address) === cidr.includes(":"));
        if (gateway !== undefined) wanted.set(cidr, gateway);
      }
    }
    const lines = [
      ...[...this.#routes.keys()].filter((cidr) => !wanted.has(cidr)).map((cidr) => `del ${cidr}`),
      ...[...wanted]
        .filter(([cidr, gateway]) => this.#routes.get(cidr) !== gateway)
        .map(([cidr, gateway]) => `replace ${cidr} via ${gateway}`),
    ];
    await configure(
      this.#settings.namespace,
      lines.map((line) => `route ${line}`),
    );
    this.#routes.clear();
    for (const [cidr, gateway] of wanted) this.#routes.set(cidr, gateway);
  }

  /** The next address in turn, so that one that was given back rests before it is used again. */
  #nextFree(): number {
    for (let step = 0; step < hosts; step += 1) {
      const host = firstHost + ((this.#last + 1 - firstHost + step) % hosts);
      if (!this.#used.has(host)) return host;
    }
    throw new Error(`no free Pod address in ${this.#settings.podCidr}`);
  }

  /** That there is no such link is fine. */
  async #removeLink(device: string): Promise<void> {
    await attempt("ip", ["-n", this.#settings.namespace, "link", "del", device]);
  }

  /** The addresses with this last part. */
  #at(host: number): Omit<PodNetwork, "namespace"> {
    const { podCidr, ipv6 } = this.#settings;
    return {
      address: podCidr.replace(/\d+\/\d+$/, String(host)),
      ...(ipv6 && { ipv6: ipv6.podCidr.replace(/\/64$/, host.toString(16)) }),
    };
  }
}

function addressesOf({ address, ipv6 }: Omit<PodNetwork, "namespace">): readonly string[] {
  return ipv6 === undefined ? [address] : [address, ipv6];
}
