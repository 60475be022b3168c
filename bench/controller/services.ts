import { createInterface } from "node:readline";
import type { BareClient } from "./bare-client.ts";
import { inParallel } from "./bare-client.ts";

/** Where the Services of a measurement are, and how they are called. */
export interface ServiceSet {
  readonly namespace: string;
  readonly prefix: string;
  readonly count: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Requests of the load on their way at once. */
const width = 32;

export function pathOf({ namespace, prefix }: ServiceSet, index: number): string {
  return `/api/v1/namespaces/${namespace}/services/${prefix}-${index}`;
}

/**
 * Without a selector, so that nobody makes EndpointSlices meanwhile, and without node ports, of which
 * a cluster has 2,768.
 */
export function bodyOf(set: ServiceSet, index: number): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: `${set.prefix}-${index}`,
      namespace: set.namespace,
      ...(set.annotations === undefined ? {} : { annotations: set.annotations }),
    },
    spec: {
      type: "LoadBalancer",
      allocateLoadBalancerNodePorts: false,
      ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP" }],
    },
  });
}

/** Resolves with the milliseconds that it took. */
export function createServices(client: BareClient, set: ServiceSet): Promise<number> {
  const path = `/api/v1/namespaces/${set.namespace}/services`;
  return inParallel(set.count, width, (index) =>
    client.send({ method: "POST", path, body: bodyOf(set, index) }),
  );
}

export function removeServices(client: BareClient, set: ServiceSet): Promise<number> {
  return inParallel(set.count, width, (index) =>
    client.send({ method: "DELETE", path: pathOf(set, index) }),
  );
}

/** Writes nothing but an address, or none, into each status; resolves with the milliseconds that it took. */
export function writeStatuses(
  client: BareClient,
  set: ServiceSet,
  writesAtOnce: number,
  isFilled: boolean,
): Promise<number> {
  return inParallel(set.count, writesAtOnce, (index) => {
    const ip = `10.${200 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
    const body = JSON.stringify({
      status: { loadBalancer: { ingress: isFilled ? [{ ip }] : null } },
    });
    return client.send({ method: "PATCH", path: `${pathOf(set, index)}/status`, body });
  });
}

/**
 * Gives an address of 10.0.0.0/16 to those of the set that are `missing`, from its upper end, where a
 * controller that goes from below has given none yet.
 */
export async function fillStatuses(
  client: BareClient,
  set: ServiceSet,
  { given, missing }: { readonly given: ReadonlySet<string>; readonly missing: readonly number[] },
): Promise<void> {
  const free: string[] = [];
  for (let offset = 0xff_fe; free.length < missing.length; offset -= 1) {
    const ip = `10.0.${offset >> 8}.${offset & 255}`;
    if (!given.has(ip)) free.push(ip);
  }
  await inParallel(missing.length, width, (position) => {
    const body = JSON.stringify({
      status: { loadBalancer: { ingress: [{ ip: free[position] }] } },
    });
    const path = `${pathOf(set, missing[position] ?? 0)}/status`;
    return client.send({ method: "PATCH", path, body });
  });
}

/** What came of waiting for the addresses of a set. */
export interface Reached {
  /** Services of the set that had one by the end. */
  readonly count: number;
  /** The time of performance.now() of the first one. */
  readonly firstMs?: number;
  /** Of the last one, or of the beginning if there is none. */
  readonly lastMs: number;
  /** All had one before the limit. */
  readonly isWhole: boolean;
}

/** Follows the addresses of all Services of a namespace from their beginning. */
export class AddressWatch implements AsyncDisposable {
  /** By name; absent or empty: it has none. */
  readonly #addresses = new Map<string, string>();
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #take: ((name: string, address: string) => void) | undefined;
  #events = 0;

  private constructor(client: BareClient, namespace: string) {
    this.#ended = this.#follow(client, namespace);
  }

  static start(client: BareClient, namespace: string): AddressWatch {
    return new AddressWatch(client, namespace);
  }

  /** Events of any kind that came so far. */
  get events(): number {
    return this.#events;
  }

  /** Of the Services that have one; those of a set that have none, by index. */
  addresses(set: ServiceSet): { readonly given: ReadonlySet<string>; readonly missing: number[] } {
    const given = new Set(this.#addresses.values());
    const indexes = Array.from({ length: set.count }, (_, index) => index);
    const missing = indexes.filter(
      (index) => (this.#addresses.get(`${set.prefix}-${index}`) ?? "") === "",
    );
    return { given, missing };
  }

  /**
   * Resolves when each Service of the set has had an address that `isWanted`, or when `limit` aborts.
   * To be awaited before the next call.
   */
  async untilAll(
    set: ServiceSet,
    limit: AbortSignal,
    isWanted: (address: string) => boolean = (address) => address !== "",
  ): Promise<Reached> {
    const waiting = new Set(
      Array.from({ length: set.count }, (_, index) => `${set.prefix}-${index}`),
    );
    const ended = Promise.withResolvers<void>();
    const end = () => ended.resolve();
    const startMs = performance.now();
    let firstMs: number | undefined;
    let lastMs = startMs;
    this.#take = (name, address) => {
      if (isWanted(address) && waiting.delete(name)) {
        lastMs = performance.now();
        firstMs ??= lastMs;
        if (waiting.size === 0) end();
      }
    };
    for (const [name, address] of this.#addresses) {
      this.#take(name, address);
    }
    limit.addEventListener("abort", end);
    if (!limit.aborted) await ended.promise;
    limit.removeEventListener("abort", end);
    this.#take = undefined;
    const count = set.count - waiting.size;
    const isWhole = waiting.size === 0;
    return { count, ...(firstMs === undefined ? {} : { firstMs }), lastMs, isWhole };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #follow(client: BareClient, namespace: string): Promise<void> {
    const { signal } = this.#stop;
    const path = `/api/v1/namespaces/${namespace}/services?watch=true&timeoutSeconds=3600`;
    try {
      const response = await client.open({ method: "GET", path }, signal);
      for await (const line of createInterface({ input: response })) {
        const { type, object } = JSON.parse(line);
        const { name } = object.metadata;
        const address = object.status?.loadBalancer?.ingress?.[0]?.ip ?? "";
        this.#events += 1;
        if (type === "DELETED") {
          this.#addresses.delete(name);
        } else {
          this.#addresses.set(name, address);
          this.#take?.(name, address);
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    if (!signal.aborted) throw new Error("the watch of the benchmark ended");
  }
}
