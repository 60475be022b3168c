import type { AddressFamily } from "../src/net/address.ts";
import { nodeAddress, type Site, scenario, workerNodes } from "./scenario.ts";
import { type BfdTimers, sessionFamily, speakerAsn, type Variant } from "./variant.ts";

/** bgpd's configuration: what a user of this scenario has, with timers left at FRR's defaults. */
export function formatRouterConfig(variant: Variant, site: Site): string {
  const peers = workerNodes.map((node) => nodeAddress(node, sessionFamily(variant)));
  return `
router bgp ${scenario.routerAsn}
 bgp router-id ${site.routerAddress.ipv4}
 bgp log-neighbor-changes
 no bgp ebgp-requires-policy
${variant.families.includes("ipv4") ? "" : " no bgp default ipv4-unicast\n"}\
 neighbor nodes peer-group
 neighbor nodes remote-as ${speakerAsn(variant)}
${variant.bfd === undefined ? "" : bfdLines(variant)}\
${peers.map((address) => ` neighbor ${address} peer-group nodes`).join("\n")}
${variant.families.map((family) => familyLines(variant, site, family)).join("")}\
exit
`;
}

/** What `maximum-paths` is said of. */
export function maximumPaths({ sessions }: Variant, count: number): string {
  return `maximum-paths ${sessions === "internal" ? "ibgp " : ""}${count}`;
}

/** bfdd's configuration. */
export function formatBfdConfig({ intervalMs, multiplier }: BfdTimers): string {
  return `
bfd
 profile lab
  transmit-interval ${intervalMs}
  receive-interval ${intervalMs}
  detect-multiplier ${multiplier}
 exit
exit
`;
}

/**
 * Multihop, though the nodes are one hop away: a single-hop session is bound to the interface of
 * the address that the speakers dial, which is the far one; an internal session is not given a
 * choice (see `dialledAddress`).
 */
function bfdLines({ sessions }: Variant): string {
  const multihop = sessions === "external" ? " neighbor nodes ebgp-multihop 2\n" : "";
  return `${multihop} neighbor nodes bfd profile lab\n`;
}

function familyLines(variant: Variant, site: Site, family: AddressFamily): string {
  return ` address-family ${family} unicast
  network ${site.farNetwork[family]}
${family === "ipv6" ? "  neighbor nodes activate\n" : ""}\
  ${maximumPaths(variant, 8)}
 exit-address-family
`;
}
