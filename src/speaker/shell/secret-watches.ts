import type { Secret } from "../../kube/project.ts";
import { Store } from "../../kube/store.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { SecretKey, SecretValue } from "../peers.ts";

export interface SecretWatchesOptions {
  /** Follows one Secret of our namespace, by name, until `signal` aborts. */
  readonly follow: (name: string, store: Store<Secret>, signal: AbortSignal) => Promise<void>;
  readonly onChange: () => void;
  readonly logger: Logger;
}

interface Watched {
  readonly store: Store<Secret>;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  /** By key: what was there last. */
  readonly known: Map<string, string>;
}

/**
 * The Secrets that the configuration names, each followed by name, since nothing else may be read.
 *
 * A value that was there once stays known while its Secret is named: a Secret that is deleted or
 * emptied under a running session does not end it, no more than a deleted ConfigMap does.
 */
export class SecretWatches {
  readonly #options: SecretWatchesOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(options: SecretWatchesOptions) {
    this.#options = options;
  }

  /** Follows exactly these from now on. */
  apply(names: ReadonlySet<string>): void {
    for (const [name, { stop }] of this.#watched) {
      if (!names.has(name)) {
        this.#watched.delete(name);
        stop.abort();
      }
    }
    for (const name of names) {
      if (!this.#watched.has(name)) {
        this.#watch(name);
      }
    }
  }

  /** The value without a line end behind it, which `kubectl create secret --from-file` keeps. */
  value({ name, key }: SecretKey): SecretValue {
    const watched = this.#watched.get(name);
    const known = watched?.known.get(key);
    if (known !== undefined) {
      return { state: "present", text: known };
    }
    return { state: watched?.store.isSynced === true ? "missing" : "unread" };
  }

  /** Ends all, and resolves when they have ended. */
  async close(): Promise<void> {
    const ending = [...this.#watched.values()].map(({ ended }) => ended);
    this.apply(new Set());
    await Promise.all(ending);
  }

  #watch(name: string): void {
    const { follow, onChange } = this.#options;
    const store = new Store<Secret>();
    const stop = new AbortController();
    const known = new Map<string, string>();
    store.onChange(() => {
      this.#remember(name, store, known);
      onChange();
    });
    this.#watched.set(name, { store, stop, known, ended: follow(name, store, stop.signal) });
  }

  #remember(name: string, store: Store<Secret>, known: Map<string, string>): void {
    const [secret] = store.entries.values();
    const values = new Map<string, string>();
    for (const [key, value] of secret?.data ?? []) {
      values.set(key, value.replace(/\r?\n$/, ""));
    }
    for (const key of known.keys()) {
      if ((values.get(key) ?? "") === "") {
        this.#options.logger.warn(
          { name, key },
          "a Secret lost a key; the password that it held stays in use",
        );
      }
    }
    for (const [key, text] of values) {
      if (text !== "") {
        known.set(key, text);
      }
    }
  }
}
