import { addressBits } from "../net/address.ts";
import type { Candidate } from "./candidate.ts";

/** Which Services share addresses, or aggregates of them. */
export class Claimants {
  /** By key of the Service, what the rest was made of. */
  readonly #candidates = new Map<string, Candidate>();
  /**
   * By text of an address, or key of an aggregate: the keys of the Services that lead to it. Most
   * addresses are one Service's, whose key then stands for itself.
   */
  readonly #keys = new Map<string, string | Set<string>>();

  clear(): void {
    this.#candidates.clear();
    this.#keys.clear();
  }

  /** As it was last set. */
  candidate(key: string): Candidate | undefined {
    return this.#candidates.get(key);
  }

  /** undefined: the Service is gone. */
  set(key: string, candidate: Candidate | undefined): void {
    const before = this.#candidates.get(key);
    if (before === candidate) {
      return;
    }
    for (const connection of connectionsOf(before)) {
      this.#remove(connection, key);
    }
    if (candidate === undefined) {
      this.#candidates.delete(key);
      return;
    }
    this.#candidates.set(key, candidate);
    for (const connection of connectionsOf(candidate)) {
      this.#add(connection, key);
    }
  }

  /** The keys of the Services that have the address. */
  of(address: string): Iterable<string> {
    const keys = this.#keys.get(address) ?? [];
    return typeof keys === "string" ? [keys] : keys;
  }

  /** The keys of the Services that have an address or an aggregate in common with `candidate`. */
  sharingWith(candidate: Candidate | undefined): readonly string[] {
    return connectionsOf(candidate).flatMap((connection) => [...this.of(connection)]);
  }

  #add(connection: string, key: string): void {
    const present = this.#keys.get(connection);
    if (present === undefined) {
      this.#keys.set(connection, key);
    } else if (typeof present !== "string") {
      present.add(key);
    } else if (present !== key) {
      this.#keys.set(connection, new Set([present, key]));
    }
  }

  #remove(connection: string, key: string): void {
    const present = this.#keys.get(connection);
    if (present === key) {
      this.#keys.delete(connection);
    } else if (present !== undefined && typeof present !== "string") {
      present.delete(key);
      if (present.size === 0) {
        this.#keys.delete(connection);
      }
    }
  }
}

/** What a Service may have in common with others: its addresses, and the aggregates of them. */
function connectionsOf(candidate: Candidate | undefined): readonly string[] {
  const connections: string[] = [];
  for (const address of candidate?.addresses ?? []) {
    connections.push(address.text);
    if (address.home === "pool") {
      for (const { routes } of address.offers) {
        for (const { prefix } of routes) {
          if (prefix.length < addressBits[prefix.family]) {
            connections.push(prefix.key);
          }
        }
      }
    }
  }
  return connections;
}
