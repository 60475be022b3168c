import type { Community } from "./model.ts";

/** The names that IANA registered for 0xFFFFxxxx communities and routers know. */
const wellKnown: ReadonlyMap<string, number> = new Map([
  ["graceful-shutdown", 0xffff0000],
  ["accept-own", 0xffff0001],
  ["llgr-stale", 0xffff0006],
  ["no-llgr", 0xffff0007],
  ["blackhole", 0xffff029a],
  ["no-export", 0xffffff01],
  ["no-advertise", 0xffffff02],
  ["no-export-subconfed", 0xffffff03],
  ["no-peer", 0xffffff04],
]);

export const wellKnownNames: readonly string[] = [...wellKnown.keys()];

/**
 * Parses `64512:1` (RFC 1997), `large:64512:1:2` (RFC 8092) or a well-known name.
 *
 * @returns undefined if `value` is none of them, or a number in it is too large
 */
export function parseCommunity(value: string): Community | undefined {
  const known = wellKnown.get(value);
  if (known !== undefined) {
    return { type: "standard", value: known };
  }
  const isLarge = value.startsWith("large:");
  const parts = (isLarge ? value.slice("large:".length) : value).split(":");
  const numbers = parts.map((part) => (/^\d{1,20}$/.test(part) ? Number(part) : Number.NaN));
  const limit = isLarge ? 0xffffffff : 0xffff;
  if (!numbers.every((number) => number <= limit)) {
    return undefined;
  }
  const [first, second, third] = numbers;
  if (first === undefined || second === undefined) {
    return undefined;
  }
  if (isLarge) {
    return third === undefined || numbers.length !== 3
      ? undefined
      : { type: "large", value: [first, second, third] };
  }
  return numbers.length === 2 ? { type: "standard", value: first * 0x10000 + second } : undefined;
}
