import { run } from "../command.ts";
import { type JsonObject, listAt, textAt } from "../kube/json.ts";
import {
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
}

const bridge = "pods";

/** Pod addresses and namespaces of one node, and the node's routes to the Pods of the others. */
export class NodeNetwork {
  readonly #settings: KubeletSettings;
  /** By the last octet. */
  readonly #used = new Set<number>();
  readonly #routes = new Map<string, string>();

  constructor(settings: KubeletSettings) {
    this.#settings = settings;
  }

  /** Makes the node's bridge for Pods; what is left of an earlier run is removed. */
  async prepare(): Promise<void> {
    const { namespace } = this.#settings;
    await deleteNamespaces(await namespacesUnder(`${namespace}-`));
    await run("ip", ["-n", namespace, "link", "del", bridge]).catch(() => undefined);
    await configure(namespace, [
      `link add ${bridge} type bridge`,
      `addr add ${this.#address(1)}/24 dev ${bridge}`,
      `link set ${bridge} up`,
    ]);
  }

  /** Gives a Pod a namespace and an address, both free again after `release`. */
  async allocate(podName: string): Promise<PodNetwork> {
    const { namespace: node } = this.#settings;
    const host = this.#free();
    this.#used.add(host);
    const pod = { namespace: `${node}-${podName}`, address: this.#address(host) };
    const port = `pod${host}`;
    await createNamespaces([pod.namespace]);
    await connect([
      { from: { namespace: pod.namespace, device: "eth0" }, to: { namespace: node, device: port } },
    ]);
    await Promise.all([
      configure(node, [`link set ${port} master ${bridge}`, `link set ${port} up`]),
      configure(pod.namespace, [
        `addr add ${pod.address}/24 dev eth0`,
        "link set eth0 up",
        `route add default via ${this.#address(1)}`,
      ]),
    ]);
    return pod;
  }

  /** Kills what still runs in the Pod's namespace. */
  async release(pod: PodNetwork): Promise<void> {
    await deleteNamespaces([pod.namespace]);
    this.#used.delete(Number(pod.address.split(".")[3]));
  }

  /** Routes to the Pods of all other nodes, through those nodes' InternalIPs. */
  async routeTo(nodes: Iterable<JsonObject>): Promise<void> {
    const wanted = new Map<string, string>();
    for (const node of nodes) {
      if (textAt(node, "metadata", "name") === this.#settings.nodeName) continue;
      const via = listAt(node, "status", "addresses").find(
        (address) => textAt(address, "type") === "InternalIP",
      );
      const gateway = textAt(via, "address");
      const cidr = textAt(node, "spec", "podCIDR");
      if (gateway !== undefined && cidr !== undefined) wanted.set(cidr, gateway);
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

  #free(): number {
    for (let host = 2; host < 255; host += 1) if (!this.#used.has(host)) return host;
    throw new Error(`no free Pod address in ${this.#settings.podCidr}`);
  }

  #address(host: number): string {
    return this.#settings.podCidr.replace(/\d+\/\d+$/, String(host));
  }
}
