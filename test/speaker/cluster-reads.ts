import type { Node } from "../../src/cluster/node.ts";
import type { Pod } from "../../src/cluster/pod.ts";
import type { Store } from "../../src/kube/store.ts";
import type { ClusterReads } from "../../src/speaker/shell/cluster-reads.ts";
import { node } from "./fixtures.ts";

/** A cluster that is read while something leaves: what is in it, and what was asked. */
export class TestCluster {
  readonly nodes = new Map<string, Node>();
  /** Names of nodes whose speaker is Ready. */
  readonly speakers = new Set<string>();
  /** Every read that ends, in order: `node2`, `speakers`, `evidence`. */
  readonly asked: string[] = [];
  /** Filled while they are followed. */
  followedNodes: Store<Node> | undefined;
  followedSpeakers: Store<Pod> | undefined;
  failure: Error | undefined;
  /** Keys of what a list of Services or EndpointSlices shows. */
  present: ReadonlySet<string> = new Set();

  add(name: string, overrides: Partial<Node> = {}): void {
    this.nodes.set(name, node({ name, uid: `uid-${name}`, ...overrides }));
    this.speakers.add(name);
  }

  get pods(): readonly Pod[] {
    return [...this.speakers].map((nodeName) => ({
      key: `routelb-system/speaker-${nodeName}`,
      uid: `uid-speaker-${nodeName}`,
      nodeName,
      isReady: true,
      deleting: false,
    }));
  }

  readonly reads: ClusterReads = {
    followNodes: async (store, signal) => {
      this.followedNodes = store;
      await ended(signal);
      this.followedNodes = undefined;
    },
    followSpeakers: async (store, signal) => {
      this.followedSpeakers = store;
      await ended(signal);
      this.followedSpeakers = undefined;
    },
    readNode: async (name) => {
      this.#note(name);
      const found = this.nodes.get(name);
      if (found === undefined) {
        throw new Error(`no Node ${name}`);
      }
      return found;
    },
    readSpeakers: async () => {
      this.#note("speakers");
      return this.pods;
    },
    findPresent: async (kind, keys) => {
      this.#note(kind);
      return new Set([...keys].filter((key) => this.present.has(key)));
    },
    readRestartEvidence: async () => {
      this.#note("evidence");
      throw new Error("no evidence");
    },
  };

  #note(what: string): void {
    this.asked.push(what);
    if (this.failure !== undefined) {
      throw this.failure;
    }
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve());
  });
}
