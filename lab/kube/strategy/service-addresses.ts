import {
  type Address,
  type AddressFamily,
  makeAddress,
  parseAddress,
} from "../../../src/net/address.ts";
import { lastAddress, type Prefix, prefixContains } from "../../../src/net/prefix.ts";
import { type JsonObject, listAt, numberAt, textsAt } from "../json.ts";
import type { ObjectStore } from "../store.ts";

const firstNodePort = 30000;
const lastNodePort = 32767;

/** What Services hold of cluster addresses and node ports: derived from the store as it changes. */
export class ServiceAddresses {
  readonly ranges: readonly Prefix[];
  readonly #random: () => number;
  readonly #addresses = new Set<string>();
  readonly #nodePorts = new Map<number, number>();

  constructor(store: ObjectStore, ranges: readonly Prefix[], random: () => number) {
    this.ranges = ranges;
    this.#random = random;
    store.subscribe("services", ({ type, object, previous }) => {
      if (previous !== undefined) {
        this.#count(previous, -1);
      }
      if (type !== "DELETED") {
        this.#count(object, 1);
      }
    });
  }

  /** The families of the ranges, the primary first. */
  get families(): readonly AddressFamily[] {
    return this.ranges.map((range) => range.family);
  }

  isAddressTaken(address: Address): boolean {
    return this.#addresses.has(address.text);
  }

  isInRange(address: Address): boolean {
    return this.ranges.some((range) => prefixContains(range, address));
  }

  isNodePortTaken(port: number): boolean {
    return (this.#nodePorts.get(port) ?? 0) > 0;
  }

  isNodePort(port: number): boolean {
    return port >= firstNodePort && port <= lastNodePort;
  }

  /** A free address of a family; undefined if there is no range of it, or the range is full. */
  pickAddress(family: AddressFamily): string | undefined {
    const range = this.ranges.find((candidate) => candidate.family === family);
    if (range === undefined) {
      return undefined;
    }
    const first = range.address.value + 1n;
    const size = lastAddress(range).value - first;
    const limit = size > 65_536n ? 65_536 : Number(size);
    const start = Math.floor(this.#random() * limit);
    for (let step = 0; step < limit; step += 1) {
      const address = makeAddress(family, first + BigInt((start + step) % limit));
      if (!this.#addresses.has(address.text)) {
        return address.text;
      }
    }
    return undefined;
  }

  /** A free node port that is not in `reserved`; undefined if all are taken. */
  pickNodePort(reserved: ReadonlySet<number>): number | undefined {
    const size = lastNodePort - firstNodePort + 1;
    const start = Math.floor(this.#random() * size);
    for (let step = 0; step < size; step += 1) {
      const port = firstNodePort + ((start + step) % size);
      if (!this.isNodePortTaken(port) && !reserved.has(port)) {
        return port;
      }
    }
    return undefined;
  }

  #count(service: JsonObject, difference: 1 | -1): void {
    for (const text of textsAt(service, "spec", "clusterIPs")) {
      const address = parseAddress(text);
      if (address !== undefined && difference === 1) {
        this.#addresses.add(address.text);
      } else if (address !== undefined) {
        this.#addresses.delete(address.text);
      }
    }
    for (const port of nodePortsOf(service)) {
      this.#nodePorts.set(port, (this.#nodePorts.get(port) ?? 0) + difference);
    }
  }
}

/** Its node ports, each once: TCP and UDP may share one. The health check's is among them. */
export function nodePortsOf(service: JsonObject): ReadonlySet<number> {
  const ports = new Set<number>();
  for (const port of listAt(service, "spec", "ports")) {
    const nodePort = numberAt(port, "nodePort");
    if (nodePort !== undefined && nodePort !== 0) {
      ports.add(nodePort);
    }
  }
  const healthCheck = numberAt(service, "spec", "healthCheckNodePort");
  if (healthCheck !== undefined && healthCheck !== 0) {
    ports.add(healthCheck);
  }
  return ports;
}
