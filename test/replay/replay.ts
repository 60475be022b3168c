import { sliceReducer } from "../../src/cluster/endpoint.ts";
import type { Node } from "../../src/cluster/node.ts";
import type { Config } from "../../src/config/model.ts";
import { formatFinding, parseConfig } from "../../src/config/parse.ts";
import { type KubeObject, objectKey } from "../../src/kube/client.ts";
import { projectEndpointSlice, projectNode, projectService } from "../../src/kube/project.ts";
import { projectPod } from "../../src/kube/project-placement.ts";
import type { Store } from "../../src/kube/store.ts";
import type { AddressFamily } from "../../src/net/address.ts";
import { MetricsRegistry } from "../../src/runtime/metrics.ts";
import { ChangeLog } from "../../src/speaker/shell/change-log.ts";
import { Decider } from "../../src/speaker/shell/decider.ts";
import { SpeakerMetrics } from "../../src/speaker/shell/metrics.ts";
import { SpeakerStores } from "../../src/speaker/shell/stores.ts";
import { TestCluster } from "../speaker/cluster-reads.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { recordingLogger } from "../support/recording-logger.ts";
import { ReplayedPeers } from "./peers.ts";

/** An API object as far as a speaker looks at it. */
export interface WrittenObject {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

/** One line of `events.jsonl`; what it does happens at `at`, in seconds. */
export interface ReplayEvent {
  readonly at: number;
  /** What happens, for whoever reads it. */
  readonly say?: string;
  /** Objects as the API server's watch brings them: Service, EndpointSlice, Node, Pod. */
  readonly apply?: readonly WrittenObject[];
  /** `Service default/nginx`, ...: the watch says that they are gone. */
  readonly remove?: readonly string[];
  /** Keys of Services that a new list lacks, though no watch event said that they are gone. */
  readonly listWithout?: readonly string[];
  /** Those of them that a consistent read does not show either. */
  readonly absent?: readonly string[];
  /** The whole configuration, accepted by the leader. */
  readonly config?: string;
  /** By name of the session: what the peer offers from its next OPEN on. */
  readonly offers?: Readonly<Record<string, readonly AddressFamily[]>>;
}

/** What followed at one moment, a line of `expected.jsonl`. */
export interface Outcome {
  readonly at: number;
  /** On the wire. */
  readonly sent?: readonly string[];
  /** Reasons that are new, by Service; none: it has no more. */
  readonly withheld?: Readonly<Record<string, readonly string[]>>;
}

const stepMs = 100;
const nodeName = "node1";

/**
 * The speaker of node1 from API objects to octets, with nothing around it: no API server, no socket,
 * and a clock that the events move.
 */
export class Replay {
  readonly #clock = new ManualClock();
  readonly #stores = new SpeakerStores();
  readonly #cluster = new TestCluster();
  readonly #peers = new ReplayedPeers();
  readonly #decider: Decider;
  readonly #reduce = sliceReducer(nodeName);
  readonly #outcomes: Outcome[] = [];
  #config: Config;
  #withheld = new Map<string, string>();
  #isDue = false;
  #version = 1;
  #shown: { readonly to: Store<Node> | undefined; readonly version: number } | undefined;

  constructor(configText: string) {
    this.#config = configOf(configText);
    const logger = recordingLogger();
    const onChange = () => {
      this.#isDue = true;
    };
    this.#stores.follow(onChange, onChange);
    this.#decider = new Decider({
      settings: {
        nodeName,
        loadBalancerClass: { isDefault: false },
        ignoreExcludeLabel: false,
        drainOnCordon: false,
        drainTimeMs: 10_000,
        withdrawShare: 0.5,
      },
      ports: {
        clock: this.#clock,
        random: () => 0.5,
        logger,
        metrics: new SpeakerMetrics(new MetricsRegistry(), nodeName),
        recordEvent: () => undefined,
        defaultGateways: () => [],
        reads: this.#cluster.reads,
      },
      stores: this.#stores,
      changes: new ChangeLog(logger),
      config: () => this.#config,
      node: () => this.#stores.nodes.entries.get(nodeName),
      onChange,
    });
  }

  /** Lets all happen, and resolves with what followed. */
  async run(events: readonly ReplayEvent[]): Promise<readonly Outcome[]> {
    for (const event of events) {
      while (this.#clock.now() < event.at * 1_000) {
        this.#clock.advance(Math.min(stepMs, event.at * 1_000 - this.#clock.now()));
        await this.#settle();
      }
      this.#take(event);
      await this.#settle();
    }
    await this.#decider.close();
    return this.#outcomes;
  }

  #take(event: ReplayEvent): void {
    for (const [name, families] of Object.entries(event.offers ?? {})) {
      this.#peers.offered.set(name, families);
    }
    if (event.config !== undefined) this.#config = configOf(event.config);
    for (const object of event.apply ?? []) this.#apply(object);
    for (const name of event.remove ?? []) this.#remove(name);
    if (event.listWithout !== undefined) this.#relist(event.listWithout, event.absent ?? []);
    this.#isDue = true;
  }

  #apply(written: WrittenObject): void {
    const object = withMetadata(written, String(this.#nextVersion()));
    const key = objectKey(object);
    const { resourceVersion } = object.metadata;
    const { services, slices, nodes } = this.#stores;
    switch (object["kind"]) {
      case "Service":
        return services.applyWatchEvent(key, resourceVersion, projectService(object));
      case "EndpointSlice": {
        const slice = projectEndpointSlice(object);
        return slices.applyWatchEvent(key, resourceVersion, slice && this.#reduce(slice));
      }
      case "Node": {
        const node = projectNode(object);
        this.#cluster.nodes.set(node.name, node);
        if (node.name === nodeName) nodes.applyWatchEvent(key, resourceVersion, node);
        return;
      }
      case "Pod": {
        const pod = projectPod(object);
        if (pod.isReady) this.#cluster.speakers.add(pod.nodeName ?? "");
        else this.#cluster.speakers.delete(pod.nodeName ?? "");
        return;
      }
      default:
        throw new TypeError(`${String(object["kind"])} is none of what a speaker follows`);
    }
  }

  #remove(name: string): void {
    const [kind = "", key = ""] = name.split(" ");
    const version = String(this.#nextVersion());
    if (kind === "Service") this.#stores.services.applyWatchEvent(key, version, undefined);
    else if (kind === "EndpointSlice") this.#stores.slices.applyWatchEvent(key, version, undefined);
    else throw new TypeError(`${name} cannot be removed here`);
  }

  #relist(without: readonly string[], absent: readonly string[]): void {
    const { services } = this.#stores;
    const all = [...services.entries];
    this.#cluster.present = new Set(all.flatMap(([key]) => (absent.includes(key) ? [] : [key])));
    const listed = all.filter(([key]) => !without.includes(key));
    services.replace(new Map(listed), String(this.#nextVersion()));
  }

  #nextVersion(): number {
    this.#version += 1;
    return this.#version;
  }

  /** Passes, until nothing asks for another. */
  async #settle(): Promise<void> {
    const at = this.#clock.now() / 1_000;
    const sent: string[] = [];
    do {
      this.#isDue = false;
      sent.push(...this.#pass());
      for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
      this.#clock.advance(0);
      this.#showOthers();
    } while (this.#isDue);
    const withheld = this.#newReasons();
    if (sent.length + Object.keys(withheld).length > 0) {
      this.#outcomes.push({
        at,
        ...(sent.length > 0 && { sent }),
        ...(Object.keys(withheld).length > 0 && { withheld }),
      });
    }
  }

  #pass(): readonly string[] {
    const node = this.#stores.nodes.entries.get(nodeName);
    const basis = node && this.#decider.chooseBasis(this.#config, node);
    if (node === undefined || basis === undefined) return [];
    const plan = this.#decider.plan(basis.config, node, () => ({ state: "missing" }));
    const sent: string[] = [];
    this.#decider.decide(basis, node, plan, (routes) => {
      sent.push(...this.#peers.carryOut(plan.sessions, routes));
    });
    return sent;
  }

  /** The watches of a draining speaker bring the cluster as it is. */
  #showOthers(): void {
    const { followedNodes, followedSpeakers, nodes, pods } = this.#cluster;
    if (followedNodes === this.#shown?.to && this.#version === this.#shown?.version) return;
    this.#shown = { to: followedNodes, version: this.#version };
    const version = String(this.#version);
    followedNodes?.replace(nodes, version);
    followedSpeakers?.replace(new Map(pods.map((pod) => [pod.key, pod])), version);
  }

  #newReasons(): Readonly<Record<string, readonly string[]>> {
    const reasons = new Map(
      [...(this.#decider.last?.withheld ?? [])].map(([key, all]) => [
        key,
        all.map(({ reason, address, peer }) => [address, peer, reason].filter(Boolean).join(" ")),
      ]),
    );
    const changed: Record<string, readonly string[]> = {};
    for (const key of new Set([...this.#withheld.keys(), ...reasons.keys()])) {
      const now = reasons.get(key) ?? [];
      if ((this.#withheld.get(key) ?? "") !== now.join()) changed[key] = now;
    }
    this.#withheld = new Map([...reasons].map(([key, all]) => [key, all.join()]));
    return changed;
  }
}

function configOf(text: string): Config {
  const parsed = parseConfig(text);
  if (!parsed.ok) throw new Error(parsed.findings.map((one) => formatFinding(one)).join("\n"));
  return parsed.config;
}

/** Events leave out what a speaker does not look at. */
function withMetadata({ metadata, ...object }: WrittenObject, resourceVersion: string): KubeObject {
  const { name, namespace = "" } = metadata;
  return {
    ...object,
    metadata: { ...metadata, name, namespace, uid: `uid-${name}`, resourceVersion },
  };
}
