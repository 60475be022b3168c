import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ApiClient } from "./api-client.ts";
import type { Instance } from "./instance.ts";
import { at, numberAt, textAt } from "./kube/json.ts";
import { formatKubeconfig } from "./kubeconfig.ts";
import { findKubectl, Kubectl } from "./kubectl.ts";
import { formatKubeletSettings } from "./kubelet/settings.ts";
import type { LabKube } from "./lab-kube.ts";
import { namespaceProcesses, namespacesUnder, runIn, sendSignal } from "./namespaces.ts";
import { Probe, type ProbeOptions } from "./probe.ts";
import { LabProcess } from "./processes.ts";
import { buildProgram } from "./program.ts";
import type { Router } from "./router.ts";
import { type ScenarioNode, scenario, workerNodes } from "./scenario.ts";
import { formatConfig, formatConfigMap } from "./speaker-config.ts";
import { type RouterSettings, Topology } from "./topology.ts";
import { hasIpv6, isPlain, plainVariant, type Variant } from "./variant.ts";
import { type View, viewsOf } from "./view.ts";
import { allDone, pause, waitFor } from "./wait.ts";

export interface LabOptions {
  readonly instance: Instance;
  /** Starts the Kubernetes that the nodes join, when the network is there. */
  readonly startKube: (instance: Instance, signal: AbortSignal) => Promise<LabKube>;
  /** The scenario as it is written, unless said. */
  readonly variant?: Variant;
  /** Where the routers are not the scenario's own. */
  readonly router?: RouterSettings;
  readonly kubectl?: string;
  readonly signal: AbortSignal;
  /** Told about each step before it starts. */
  readonly progress: (step: string) => void;
}

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/**
 * The scenario, running: network, router, Kubernetes with node0 as its control plane, a kubelet per
 * node, and RouteLB as its own manifests deploy it.
 */
export class Lab implements AsyncDisposable {
  readonly instance: Instance;
  readonly topology: Topology;
  readonly api: ApiClient;
  readonly kubectl: Kubectl;
  readonly kube: LabKube;
  /** One for each router and family; the first is the scenario's own. */
  readonly views: readonly [View, ...View[]];
  /** The JavaScript file that controller and speakers run. */
  readonly program: string;
  readonly #kubelets = new Map<string, LabProcess>();
  #probes = 0;
  /** By client and the host that it asks. */
  readonly #portsUsed = new Map<string, number>();

  private constructor(parts: LabParts) {
    this.instance = parts.instance;
    this.topology = parts.topology;
    this.api = parts.api;
    this.kubectl = parts.kubectl;
    this.kube = parts.kube;
    this.views = viewsOf(parts.topology);
    this.program = parts.program;
  }

  get variant(): Variant {
    return this.topology.variant;
  }

  /** Resolves when every router has an established session with every speaker. */
  static async start(options: LabOptions): Promise<Lab> {
    const { instance, signal, progress } = options;
    progress("network namespaces and the router; the program's bundle");
    const [topology, program] = await allDone([
      Topology.build(instance, options.variant ?? plainVariant, options.router),
      buildProgram(instance.path("program")),
    ]);
    signal.throwIfAborted();
    progress("API server on node0");
    const kube = await options.startKube(instance, signal);
    const kubeconfig = instance.path("kubeconfig");
    await writeFile(kubeconfig, formatKubeconfig(kube.access), { mode: 0o600 });
    const api = new ApiClient(kube.access);
    const kubectlPath = options.kubectl ?? kube.kubectl;
    const kubectl = new Kubectl(await findKubectl(kubectlPath), kubeconfig, instance.directory);
    const lab = new Lab({ instance, topology, api, kubectl, kube, program });
    progress("kubelets, controller and speakers");
    await lab.#deploy(signal);
    progress("BGP sessions");
    await lab.awaitSessions(workerNodes.length, signal);
    return lab;
  }

  /** Waits until each router has `count` established sessions. */
  async awaitSessions(count: number, signal?: AbortSignal): Promise<void> {
    for (const { router } of this.topology.sites) {
      await waitFor(
        async () => ((await this.establishedPeers(router)).length === count ? true : undefined),
        {
          what: `${count} established sessions on ${router.namespace}`,
          timeoutMs: 60_000,
          intervalMs: 100,
          ...(signal && { signal }),
        },
      );
    }
  }

  /** Addresses of the speakers whose session the router has as Established, with every family. */
  async establishedPeers(router: Router = this.topology.router): Promise<readonly string[]> {
    const summary = await router.vtyshJson("show bgp summary json");
    const peers = this.variant.families.map((family) =>
      Object.entries(at(summary, `${family}Unicast`, "peers") ?? {})
        .filter(([, peer]) => textAt(peer, "state") === "Established")
        .map(([address]) => address),
    );
    const [first = [], ...others] = peers;
    return first.filter((address) => others.every((other) => other.includes(address)));
  }

  /** Starts the node's kubelet, which starts what the API says. */
  async startKubelet(node: ScenarioNode): Promise<void> {
    const directory = this.instance.path("nodes", node.name);
    await mkdir(directory, { recursive: true });
    await this.kube.startNode(node);
    const settings = {
      nodeName: node.name,
      namespace: this.topology.node(node.name),
      address: node.address,
      podCidr: node.podCidr,
      ...(hasIpv6(this.variant) && { ipv6: node.ipv6 }),
      kubeconfig: await this.kube.kubeletKubeconfig(node),
      directory,
      program: this.program,
      images: {},
      labels: {},
      taints: [],
      ...this.kube.kubelet,
    };
    const kubelet = await LabProcess.start({
      name: `kubelet of ${node.name}`,
      namespace: settings.namespace,
      command: [process.execPath, file("kubelet.ts"), ...formatKubeletSettings(settings)],
      logFile: this.instance.path("nodes", node.name, "kubelet.log"),
    });
    this.#kubelets.set(node.name, kubelet);
  }

  /**
   * Halts a node as a machine does: SIGTERM to every process, SIGKILL to what is left when kubelet
   * and speaker have ended, then its link goes down. Resolves with when that was, in milliseconds
   * since the epoch.
   */
  async halt(node: string): Promise<{ readonly termMs: number; readonly downMs: number }> {
    const termMs = Date.now();
    await this.#signalNode(node, "SIGTERM");
    const kubelet = this.#kubelets.get(node);
    await waitFor(() => (kubelet?.running === true ? undefined : true), {
      what: `end of the kubelet of ${node}`,
      timeoutMs: 60_000,
      intervalMs: 10,
    });
    await pause(this.kube.secondHopPeriodMs);
    await this.#signalNode(node, "SIGKILL");
    const downMs = Date.now();
    await this.topology.setLink(node, "down");
    // What a kernel forgets when its machine is off.
    await runIn(this.topology.node(node), "nft", ["flush", "ruleset"]);
    return { termMs, downMs };
  }

  /** Brings a halted node back: link up, kubelet started. */
  async boot(node: string): Promise<void> {
    const found = scenario.nodes.find((one) => one.name === node);
    if (found === undefined) throw new RangeError(`no node ${node}`);
    await this.topology.setLink(node, "up");
    await this.startKubelet(found);
  }

  /** Waits until the second hop has rules for all that the API server says by now. */
  async secondHopFollows(): Promise<void> {
    await this.kube.secondHopFollows();
  }

  /** Every kubelet gives its Pods new tokens of their ServiceAccounts. */
  renewTokens(): void {
    for (const kubelet of this.#kubelets.values()) kubelet.signal("SIGHUP");
  }

  /**
   * Starts a probe in a client's namespace, with source ports that its last few to the same host did
   * not have: a node remembers for two minutes a connection that nobody answered, and sends another
   * of the same ports where that one went.
   */
  async probe({ client, ...options }: LabProbeOptions): Promise<Probe> {
    const namespace = client ?? this.topology.client;
    const connection = `${namespace} ${new URL(options.url).host}`;
    const portsUsed = this.#portsUsed.get(connection) ?? 0;
    this.#portsUsed.set(connection, portsUsed + (options.count ?? portsOfOpenEndedProbe));
    this.#probes += 1;
    const logFile = this.instance.path("probes", `${this.#probes}.jsonl`);
    return Probe.start({ ...options, firstPort: 1_024 + portsUsed, namespace, logFile });
  }

  async close(): Promise<void> {
    for (const node of scenario.nodes) await this.#signalNode(node.name, "SIGKILL");
    await this.topology.close();
    await this.kube.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #deploy(signal: AbortSignal): Promise<void> {
    await allDone(scenario.nodes.map((node) => this.startKubelet(node)));
    await this.kube.nodesStarted(signal);
    await this.kube.deploy(this.kubectl, await this.#configManifest());
    await waitFor(async () => (await this.#isDeployed()) || undefined, {
      what: "the controller and three speakers are ready",
      timeoutMs: 60_000,
      intervalMs: 100,
      signal,
    });
  }

  /** The file of RouteLB's ConfigMap: the example that users get, where the lab is as it says. */
  async #configManifest(): Promise<string> {
    if (isPlain(this.variant)) return file("../deploy/examples/config.yaml");
    const path = this.instance.path("config.json");
    await writeFile(path, formatConfigMap(formatConfig(this.variant)));
    return path;
  }

  /** Whether every Pod that the load balancer's manifests ask for is ready. */
  async #isDeployed(): Promise<boolean> {
    const path = `/apis/apps/v1/namespaces/${this.kube.loadBalancerNamespace}`;
    const [controller, speaker] = await Promise.all([
      this.api.get(`${path}/deployments/controller`),
      this.api.get(`${path}/daemonsets/speaker`),
    ]);
    return (
      numberAt(controller, "status", "readyReplicas") ===
        numberAt(controller, "spec", "replicas") &&
      numberAt(speaker, "status", "numberReady") === workerNodes.length
    );
  }

  /** Signals every process of a node and of its Pods. */
  async #signalNode(node: string, signal: NodeJS.Signals): Promise<void> {
    const own = this.topology.node(node);
    const namespaces = [own, ...(await namespacesUnder(`${own}-`))];
    const pids = await Promise.all(namespaces.map(namespaceProcesses));
    for (const pid of pids.flat()) sendSignal(pid, signal);
  }
}

/** More than any sight's longest probe needs; all ports last for eight of them. */
const portsOfOpenEndedProbe = 8_000;

/** What a sight says of its requests; the lab knows the rest. */
export interface LabProbeOptions extends Omit<ProbeOptions, "namespace" | "logFile" | "firstPort"> {
  /** The namespace of the client that asks; the one behind the first router unless said. */
  readonly client?: string;
}

interface LabParts {
  readonly instance: Instance;
  readonly topology: Topology;
  readonly api: ApiClient;
  readonly kubectl: Kubectl;
  readonly kube: LabKube;
  readonly program: string;
}
