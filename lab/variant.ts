import type { AddressFamily } from "../src/net/address.ts";
import { type ByFamily, type Site, scenario } from "./scenario.ts";

/** How BFD watches a session: an interval both ways, and the packets that may be missing. */
export interface BfdTimers {
  readonly intervalMs: number;
  readonly multiplier: number;
}

/** In what a lab differs from the scenario as it is written. */
export interface Variant {
  /** Sessions between two autonomous systems, or inside one (`--ibgp`). */
  readonly sessions: "external" | "internal";
  /** Of the Service's addresses, in the order of `spec.ipFamilies`. */
  readonly families: readonly AddressFamily[];
  /** The routers, each with a client behind it. */
  readonly sites: readonly Site[];
  /** Absent: no BFD. */
  readonly bfd?: BfdTimers;
}

/** The scenario as it is written. */
export const plainVariant: Variant = {
  sessions: "external",
  families: ["ipv4"],
  sites: scenario.sites.slice(0, 1),
};

/** As the command line says it. */
export interface VariantFlags {
  readonly ibgp: boolean;
  readonly ipv6: boolean;
  readonly "dual-stack": boolean;
  readonly bfd: boolean;
  readonly routers: string;
}

/** @throws TypeError with one sentence if there is no such lab */
export function parseVariant(flags: VariantFlags): Variant {
  if (flags.ipv6 && flags["dual-stack"]) {
    throw new TypeError("--ipv6 is IPv6 alone, --dual-stack is both families: say one of them");
  }
  if (flags.routers !== "1" && flags.routers !== "2") {
    throw new TypeError(`--routers is 1 or 2, not ${flags.routers}`);
  }
  return {
    sessions: flags.ibgp ? "internal" : "external",
    families: flags["dual-stack"] ? ["ipv4", "ipv6"] : [flags.ipv6 ? "ipv6" : "ipv4"],
    sites: scenario.sites.slice(0, Number(flags.routers)),
    ...(flags.bfd && { bfd: { intervalMs: 300, multiplier: 3 } }),
  };
}

export function isPlain(variant: Variant): boolean {
  return describeVariant(variant) === "";
}

/** The differences, as on the command line; empty if there are none. */
export function describeVariant({ sessions, families, sites, bfd }: Variant): string {
  const flags = [
    ...(sessions === "internal" ? ["--ibgp"] : []),
    ...(families.length > 1 ? ["--dual-stack"] : families[0] === "ipv6" ? ["--ipv6"] : []),
    ...(sites.length > 1 ? [`--routers ${sites.length}`] : []),
    ...(bfd === undefined ? [] : ["--bfd"]),
  ];
  return flags.join(" ");
}

export function hasIpv6({ families }: Variant): boolean {
  return families.includes("ipv6");
}

/** The family of the sessions: of the Service's addresses, the first. */
export function sessionFamily({ families }: Variant): AddressFamily {
  return families[0] ?? "ipv4";
}

/**
 * The router's address that the speakers dial: the far one, except where BFD watches an internal
 * session, which FRR takes for single-hop (RFC 5881) and looks for on that address's own link.
 */
export function dialledAddress(variant: Variant, site: Site): string {
  const { sessions, bfd } = variant;
  const isNear = sessions === "internal" && bfd !== undefined;
  const { routerAddress, routerNodeSideAddress } = site;
  return (isNear ? routerNodeSideAddress : routerAddress)[sessionFamily(variant)];
}

export function speakerAsn({ sessions }: Variant): number {
  return sessions === "internal" ? scenario.routerAsn : scenario.speakerAsn;
}

/** The scenario's values for the families that the lab's network has; IPv4 is always one. */
export function networkValues(variant: Variant, values: ByFamily): readonly string[] {
  return hasIpv6(variant) ? [values.ipv4, values.ipv6] : [values.ipv4];
}
