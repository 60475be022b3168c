import type { ReducedSlice } from "../../cluster/endpoint.ts";
import type { Node } from "../../cluster/node.ts";
import type { Service } from "../../cluster/service.ts";
import type { ConfigMap } from "../../kube/project.ts";
import { Store } from "../../kube/store.ts";
import type { Changed } from "../redecide.ts";
import { SliceIndex } from "../slice-index.ts";
import type { ClusterReads } from "./cluster-reads.ts";
import { MissingObjects } from "./missing-objects.ts";

/** What a speaker always follows; Reflectors fill it. */
export class SpeakerStores {
  readonly services = new Store<Service>();
  readonly slices = new Store<ReducedSlice>();
  /** Our own Node alone. */
  readonly nodes = new Store<Node>();
  readonly userConfig = new Store<ConfigMap>();
  readonly inForceConfig = new Store<ConfigMap>();
  readonly #sliceIndex = new SliceIndex();
  readonly #missingServices = new MissingObjects(this.services, () => this.#onMissing());
  readonly #missingSlices = new MissingObjects(this.slices, () => this.#onMissing());
  #onMissing: () => void = () => undefined;
  #changed: Set<string> | "anything" = "anything";

  /** Calls `onChange` after each change, and before it `onConfig` where a ConfigMap changed. */
  follow(onChange: () => void, onConfig: () => void): void {
    this.nodes.onChange(onChange);
    this.services.onChange((change) => {
      this.#noteChange(change.source === "list" ? "anything" : change.key);
      onChange();
    });
    this.slices.onChange((change) => {
      if (change.source === "list") {
        this.#sliceIndex.replaceAll(this.slices.entries.values());
        this.#noteChange("anything");
      } else {
        this.#sliceIndex.update(change.before, change.after);
        this.#noteChange(change.before?.serviceKey);
        this.#noteChange(change.after?.serviceKey);
      }
      onChange();
    });
    for (const store of [this.userConfig, this.inForceConfig]) {
      store.onChange(() => {
        onConfig();
        onChange();
      });
    }
  }

  /** Which Services changed, or their slices, since this was last asked; for one asker. */
  takeChanged(): Changed {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  /** `onMissing` is called when a new list lacks objects that no watch event said to be gone. */
  onMissing(onMissing: () => void): void {
    this.#onMissing = onMissing;
  }

  /** Such objects that were not released and did not come back. */
  get missingCount(): number {
    return this.#missingServices.size + this.#missingSlices.size;
  }

  releaseMissing(): void {
    for (const missing of [this.#missingServices, this.#missingSlices]) {
      missing.release(missing.keys());
    }
  }

  /** Releases the missing objects that `findPresent` does not find; their number. */
  async releaseAbsent(
    findPresent: ClusterReads["findPresent"],
    signal: AbortSignal,
  ): Promise<number> {
    const before = this.missingCount;
    for (const [kind, missing] of [
      ["services", this.#missingServices],
      ["endpointSlices", this.#missingSlices],
    ] as const) {
      const keys = missing.keys();
      if (keys.size > 0) {
        const present = await findPresent(kind, keys, signal);
        missing.release([...keys].filter((key) => !present.has(key)));
      }
    }
    return before - this.missingCount;
  }

  /** One that is there, or missing and not released. */
  service(key: string): Service | undefined {
    return this.services.entries.get(key) ?? this.#missingServices.get(key);
  }

  /** By key; `withMissing`: missing ones, too. */
  servicesByKey(withMissing: boolean): ReadonlyMap<string, Service> {
    return withMissing ? this.#missingServices.withMissing() : this.services.entries;
  }

  /** By key of the Service; `withMissing`: missing ones, too. */
  slicesByService(withMissing: boolean): ReadonlyMap<string, readonly ReducedSlice[]> {
    const { byService } = this.#sliceIndex;
    const missing = withMissing ? this.#missingSlices.values() : [];
    if (missing.length === 0) {
      return byService;
    }
    const all = new Map(byService);
    for (const slice of missing) {
      all.set(slice.serviceKey, [...(all.get(slice.serviceKey) ?? []), slice]);
    }
    return all;
  }

  /** What has not been listed yet, apart from the configuration, a sentence each. */
  unread(nodeName: string): readonly string[] {
    const stores = {
      Services: this.services,
      EndpointSlices: this.slices,
      [`the Node ${nodeName}`]: this.nodes,
    };
    return Object.entries(stores).flatMap(([name, store]) =>
      store.isSynced ? [] : [`${name} could not be read yet`],
    );
  }

  #noteChange(key: string | undefined): void {
    if (key === "anything") {
      this.#changed = key;
    } else if (key !== undefined && this.#changed !== "anything") {
      this.#changed.add(key);
    }
  }
}
