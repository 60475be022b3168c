import type { EndpointSlice } from "../../cluster/endpoint.ts";
import type { Node } from "../../cluster/node.ts";
import type { Service } from "../../cluster/service.ts";
import type { ConfigMap } from "../../kube/project.ts";
import { Store } from "../../kube/store.ts";
import { SliceIndex } from "../slice-index.ts";

/** What a speaker always follows; Reflectors fill it. */
export class SpeakerStores {
  readonly services = new Store<Service>();
  readonly slices = new Store<EndpointSlice>();
  /** Our own Node alone. */
  readonly nodes = new Store<Node>();
  readonly userConfig = new Store<ConfigMap>();
  readonly inForceConfig = new Store<ConfigMap>();
  readonly #sliceIndex = new SliceIndex();

  /** Calls `onChange` after each change, and before it `onConfig` where a ConfigMap changed. */
  follow(onChange: () => void, onConfig: () => void): void {
    for (const store of [this.services, this.nodes]) {
      store.onChange(onChange);
    }
    this.slices.onChange((change) => {
      if (change.source === "list") {
        this.#sliceIndex.replaceAll(this.slices.entries.values());
      } else {
        this.#sliceIndex.update(change.before, change.after);
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

  /** By key of the Service. */
  get endpointSlices(): ReadonlyMap<string, readonly EndpointSlice[]> {
    return this.#sliceIndex.byService;
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
}
