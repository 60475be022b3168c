import type { AddressRange } from "../net/range.ts";
import type { Placed } from "./fields.ts";
import { type Place, type Report, shown } from "./finding.ts";
import type { PoolDraft } from "./pool.ts";

/** Reports names that two pools have, and addresses that stand twice, in one pool or in two. */
export function checkPools(pools: readonly PoolDraft[], report: Report): void {
  const names = new Map<string, Place>();
  for (const { name } of pools) {
    const earlier = name === undefined ? undefined : names.get(name.value);
    if (name !== undefined && earlier !== undefined) {
      report(
        name.place,
        `${shown(name.value)} names an earlier pool too (${earlier.path}): names are unique`,
      );
    } else if (name !== undefined) {
      names.set(name.value, name.place);
    }
  }
  const ranges = pools.flatMap((pool) => pool.ranges.map((range) => ({ ...range, pool })));
  const inOrder = ranges
    .map((range, order) => ({ ...range, order }))
    .sort((a, b) => compareFirst(a.value, b.value) || a.order - b.order);
  let reach: (typeof inOrder)[number] | undefined;
  for (const range of inOrder) {
    if (
      reach !== undefined &&
      reach.value.family === range.value.family &&
      range.value.first.value <= reach.value.last.value
    ) {
      const [earlier, later] = reach.order < range.order ? [reach, range] : [range, reach];
      report(later.place, whyOverlap(earlier, later));
    }
    if (
      reach === undefined ||
      reach.value.family !== range.value.family ||
      reach.value.last.value < range.value.last.value
    ) {
      reach = range;
    }
  }
}

/** Orders ranges by family, then by their first address. */
function compareFirst(a: AddressRange, b: AddressRange): number {
  if (a.family !== b.family) {
    return a.family === "ipv4" ? -1 : 1;
  }
  return a.first.value < b.first.value ? -1 : a.first.value > b.first.value ? 1 : 0;
}

function whyOverlap(
  earlier: Placed<AddressRange> & { readonly pool: PoolDraft },
  later: Placed<AddressRange> & { readonly pool: PoolDraft },
): string {
  const where =
    earlier.pool === later.pool
      ? "of the same pool"
      : `of the pool ${shown(earlier.pool.name?.value ?? "before it")}`;
  return `${later.value.text} overlaps ${earlier.value.text} ${where} (${earlier.place.path}): an address may stand once only`;
}
