import type { ReducedSlice } from "../cluster/endpoint.ts";

/**
 * EndpointSlices by the Service they belong to. A Service's list keeps its identity until one of
 * its slices changes, and holds at least one.
 */
export class SliceIndex {
  readonly #byService = new Map<string, readonly ReducedSlice[]>();

  get byService(): ReadonlyMap<string, readonly ReducedSlice[]> {
    return this.#byService;
  }

  /** Starts over with `slices`. */
  replaceAll(slices: Iterable<ReducedSlice>): void {
    const lists = new Map<string, ReducedSlice[]>();
    for (const slice of slices) {
      const list = lists.get(slice.serviceKey);
      if (list === undefined) {
        lists.set(slice.serviceKey, [slice]);
      } else {
        list.push(slice);
      }
    }
    for (const serviceKey of this.#byService.keys()) {
      if (!lists.has(serviceKey)) {
        this.#byService.delete(serviceKey);
      }
    }
    for (const [serviceKey, list] of lists) {
      if (!isSameList(list, this.#byService.get(serviceKey))) {
        this.#byService.set(serviceKey, list);
      }
    }
  }

  /** One slice changed from `before` to `after`; undefined where it did not exist. */
  update(before: ReducedSlice | undefined, after: ReducedSlice | undefined): void {
    if (before !== undefined) {
      this.#set(before.serviceKey, this.#without(before));
    }
    if (after !== undefined) {
      this.#set(after.serviceKey, [...this.#without(after), after]);
    }
  }

  #without({ serviceKey, key }: ReducedSlice): readonly ReducedSlice[] {
    return (this.#byService.get(serviceKey) ?? []).filter((slice) => slice.key !== key);
  }

  #set(serviceKey: string, slices: readonly ReducedSlice[]): void {
    if (slices.length === 0) {
      this.#byService.delete(serviceKey);
    } else {
      this.#byService.set(serviceKey, slices);
    }
  }
}

function isSameList(
  list: readonly ReducedSlice[],
  other: readonly ReducedSlice[] | undefined,
): boolean {
  return list.length === other?.length && list.every((slice) => other.includes(slice));
}
