import type { Route, RouteAttributes } from "../../src/bgp/route.ts";
import { makeAddress } from "../../src/net/address.ts";
import { hostPrefix, parsePrefix } from "../../src/net/prefix.ts";

export const plainAttributes: RouteAttributes = {
  localPref: 100,
  prepend: 0,
  communities: [],
  largeCommunities: [],
};

/** Routes as a test writes them: prefixes with their attributes, or a number of /32s from 10.0.0.0. */
export type WrittenRoutes =
  | { readonly count: number; readonly attributes?: Partial<RouteAttributes> }
  | readonly { readonly prefix: string; readonly attributes?: Partial<RouteAttributes> }[];

export function routesOf(written: WrittenRoutes): Route[] {
  if ("count" in written) {
    const attributes = { ...plainAttributes, ...written.attributes };
    return Array.from({ length: written.count }, (_, index) => ({
      prefix: hostPrefix(makeAddress("ipv4", 0x0a00_0000n + BigInt(index))),
      attributes,
    }));
  }
  return written.map(({ prefix, attributes }) => route(prefix, attributes));
}

export function route(text: string, attributes: Partial<RouteAttributes> = {}): Route {
  const prefix = parsePrefix(text);
  if (prefix === undefined) {
    throw new Error(`no prefix: ${text}`);
  }
  return { prefix, attributes: { ...plainAttributes, ...attributes } };
}
