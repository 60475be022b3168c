import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ApiClient } from "../../lab/api-client.ts";
import { buildControlPlane } from "../../lab/cluster/build.ts";
import { ControlPlane } from "../../lab/cluster/control-plane.ts";
import { auditLog } from "../../lab/cluster/flags.ts";
import { Instance } from "../../lab/instance.ts";
import { formatKubeconfig, readKubeconfig } from "../../lab/kubeconfig.ts";
import { Kubectl } from "../../lab/kubectl.ts";
import { configure, connect, createNamespaces, runIn, setSysctls } from "../../lab/namespaces.ts";
import { buildProgram } from "../../lab/program.ts";
import { type Relay, relayToSocket } from "../../lab/relay.ts";
import { Router } from "../../lab/router.ts";

export const routelbNamespace = "routelb-system";
export const controlAddress = "10.200.0.1";
export const routerAddress = "10.200.0.2";
export const routerAsn = 64512;
export const speakerAsn = 64522;

/** The controller gives addresses of the first pool; the bench itself moves Services to the second. */
export const pools = { given: "10.100.0.0/16", moved: "10.101.0.0/16" };

export const config = `
peers:
- my-asn: ${speakerAsn}
  peer-asn: ${routerAsn}
  peer-address: ${routerAddress}
address-pools:
- name: given
  protocol: bgp
  addresses: [${pools.given}]
- name: moved
  protocol: bgp
  auto-assign: false
  addresses: [${pools.moved}]
`;

/**
 * The router knows each of `nodes` by its address. With a listen range, bgpd of FRR 8.4.4 crashes when
 * a speaker that was killed without having had routes has not come back within its restart time (RFC
 * 4724): a bench takes longer than that to fill its cluster.
 */
export function routerConfig(nodes: readonly number[]): string {
  return `
router bgp ${routerAsn}
 bgp router-id ${routerAddress}
 no bgp ebgp-requires-policy
 neighbor nodes peer-group
 neighbor nodes remote-as ${speakerAsn}
 neighbor nodes passive
${nodes.map((node) => ` neighbor ${nodeAddress(node)} peer-group nodes`).join("\n")}
 address-family ipv4 unicast
  maximum-paths 64
 exit-address-family
exit
`;
}

const bridge = "nodes";

export function nodeName(index: number): string {
  return `node${index}`;
}

/** The address of a node, which has a namespace only if `ScaleCluster.start` was told of it. */
export function nodeAddress(index: number): string {
  return `10.200.${1 + Math.floor(index / 200)}.${1 + (index % 200)}`;
}

/**
 * A real API server on its etcd, an FRR router, and nodes, each in a namespace of its own on one
 * bridge. No other part of Kubernetes runs, so that nobody but the bench and RouteLB writes.
 */
export class ScaleCluster implements AsyncDisposable {
  readonly api: ApiClient;
  readonly kubectl: Kubectl;
  readonly router: Router;
  /** The bundle that is measured. */
  readonly program: string;
  readonly auditLog: string;
  readonly #instance: Instance;
  readonly #controlPlane: ControlPlane;
  readonly #relay: Relay;
  readonly #authority: string;

  private constructor(parts: {
    readonly instance: Instance;
    readonly controlPlane: ControlPlane;
    readonly relay: Relay;
    readonly router: Router;
    readonly program: string;
    readonly api: ApiClient;
    readonly kubectl: Kubectl;
    readonly authority: string;
  }) {
    this.api = parts.api;
    this.kubectl = parts.kubectl;
    this.router = parts.router;
    this.program = parts.program;
    this.auditLog = auditLog({ folder: parts.instance.path("cluster") });
    this.#instance = parts.instance;
    this.#controlPlane = parts.controlPlane;
    this.#relay = parts.relay;
    this.#authority = parts.authority;
  }

  /** `nodes`: those that get a namespace, and whose speakers the router takes sessions from. */
  static async start(nodes: readonly number[]): Promise<ScaleCluster> {
    const binaries = await buildControlPlane();
    const instance = await Instance.open(`scale${process.pid}`);
    try {
      const program = await buildProgram(instance.path("program"));
      const control = instance.namespace("control");
      await buildNetwork(instance);
      const router = await Router.start({
        namespace: instance.namespace("router"),
        directory: instance.path("router"),
        config: routerConfig(nodes),
      });
      const controlPlane = await ControlPlane.start({
        binaries,
        folder: instance.path("cluster"),
        address: controlAddress,
        namespace: control,
        nodeNames: [],
        nodeGraceSeconds: 50,
        isBare: true,
      });
      const relay = await relayToSocket(controlPlane.socket);
      const admin = await readKubeconfig(controlPlane.kubeconfig("admin"));
      const access = { ...admin, server: `https://127.0.0.1:${relay.port}` };
      const kubeconfig = instance.path("kubeconfig");
      await writeFile(kubeconfig, formatKubeconfig(access), { mode: 0o600 });
      const kubectl = new Kubectl(join(binaries, "kubectl"), kubeconfig, instance.directory);
      const api = new ApiClient(access, { timeoutMs: 60_000 });
      const authority = admin.certificateAuthority ?? "";
      const parts = { instance, controlPlane, relay, router, program, api, kubectl, authority };
      const cluster = new ScaleCluster(parts);
      await cluster.#deploy();
      await cluster.#addNodes(nodes);
      return cluster;
    } catch (error) {
      await instance.close();
      throw error;
    }
  }

  namespace(name: string): string {
    return this.#instance.namespace(name);
  }

  /** A file of this run. */
  path(...names: readonly string[]): string {
    return this.#instance.path(...names);
  }

  /** Octets that the API server sent to a node, with IP and TCP headers. */
  async octetsFromApi(index: number): Promise<number> {
    const namespace = this.namespace(nodeName(index));
    const text = await runIn(namespace, "nft", ["list", "counter", "ip", "bench", "api"]);
    return Number(/bytes (\d+)/.exec(text)?.[1] ?? Number.NaN);
  }

  /** The kubeconfig file of a ServiceAccount of ours, for a process on a node. */
  async kubeconfigOf(account: string, namespace: string): Promise<string> {
    const hours = "--duration=24h";
    const token = await this.kubectl.run("create", "token", account, "-n", namespace, hours);
    const file = this.path(`${namespace}-${account}.kubeconfig`);
    const access = {
      server: `https://${controlAddress}:6443`,
      token: token.trim(),
      certificateAuthority: this.#authority,
    };
    await writeFile(file, formatKubeconfig(access), { mode: 0o600 });
    return file;
  }

  async restartApiServer(): Promise<void> {
    await this.#controlPlane.stopApiServer();
    await this.#controlPlane.startApiServer();
  }

  /** Cuts a node off, or joins it again, without either end seeing a link change. */
  async setSwitched(index: number, isSwitched: boolean): Promise<void> {
    const master = isSwitched ? `master ${bridge}` : "nomaster";
    await configure(this.namespace("switch"), [`link set ${nodeName(index)} ${master}`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.router.close();
      await this.#relay.close();
      await this.#controlPlane.stop();
    } finally {
      await this.#instance.close();
    }
  }

  /** Gives these nodes a namespace with a link, and a counter of what the API server sends there. */
  async #addNodes(indices: readonly number[]): Promise<void> {
    const names = indices.map(nodeName);
    const fabric = this.namespace("switch");
    await createNamespaces(names.map((name) => this.namespace(name)));
    await connect(
      names.map((name) => ({
        from: { namespace: this.namespace(name), device: "eth0" },
        to: { namespace: fabric, device: name },
      })),
    );
    await configure(
      fabric,
      names.flatMap((name) => [`link set ${name} master ${bridge}`, `link set ${name} up`]),
    );
    for (const index of indices) {
      const namespace = this.namespace(nodeName(index));
      await configure(namespace, [
        `addr add ${nodeAddress(index)}/16 dev eth0`,
        "link set eth0 up",
        `route add default via ${routerAddress}`,
      ]);
      await runIn(namespace, "nft", ["-f", "-"], { input: countingRules });
    }
  }

  async #deploy(): Promise<void> {
    await this.kubectl.run("apply", "-k", join(import.meta.dirname, "../../deploy"));
    const metadata = { name: "config", namespace: routelbNamespace };
    await this.api.create(`/api/v1/namespaces/${routelbNamespace}/configmaps`, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata,
      data: { config },
    });
    await this.api.create("/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "scale" },
    });
  }
}

const countingRules = `
table ip bench {
  counter api { }
  chain input {
    type filter hook input priority 0;
    tcp sport 6443 counter name api
  }
}
`;

async function buildNetwork(instance: Instance): Promise<void> {
  const name = (part: string) => instance.namespace(part);
  const ends = { control: controlAddress, router: routerAddress };
  await createNamespaces(["switch", ...Object.keys(ends)].map(name));
  await setSysctls(name("router"), { "net.ipv4.ip_forward": 1 });
  await connect(
    Object.keys(ends).map((part) => ({
      from: { namespace: name(part), device: "eth0" },
      to: { namespace: name("switch"), device: part },
    })),
  );
  await configure(name("switch"), [
    `link add ${bridge} type bridge`,
    `link set ${bridge} up`,
    ...Object.keys(ends).flatMap((part) => [
      `link set ${part} master ${bridge}`,
      `link set ${part} up`,
    ]),
  ]);
  for (const [part, address] of Object.entries(ends)) {
    await configure(name(part), [`addr add ${address}/16 dev eth0`, "link set eth0 up"]);
  }
  await configure(name("control"), [`route add default via ${routerAddress}`]);
}
