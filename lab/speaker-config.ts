import { scenario } from "./scenario.ts";
import { dialledAddress, speakerAsn, type Variant } from "./variant.ts";

/** A pool of labs with both families, for Services that ask for it: IPv4 alone. */
export const singleFamilyPool = { name: "ipv4-only", addresses: "172.16.7.128/28" };

/** RouteLB's configuration in this variant of the scenario, as its ConfigMap has it. */
export function formatConfig(variant: Variant): string {
  const { bfd, sessions } = variant;
  return [
    "peers:",
    ...variant.sites.flatMap((site) => [
      `- my-asn: ${speakerAsn(variant)}`,
      `  peer-asn: ${scenario.routerAsn}`,
      `  peer-address: ${dialledAddress(variant, site)}`,
      ...(variant.sites.length > 1 ? [`  name: ${site.name}`] : []),
      ...(bfd !== undefined && sessions === "external" ? ["  ebgp-multihop: true"] : []),
      ...(bfd === undefined ? [] : ["  bfd-profile: fast"]),
    ]),
    "address-pools:",
    "- name: my-ip-space",
    "  protocol: bgp",
    "  avoid-buggy-ips: true",
    "  addresses:",
    ...variant.families.map((family) => `  - ${scenario.pools[family]}`),
    ...(variant.families.length > 1
      ? [
          `- name: ${singleFamilyPool.name}`,
          "  protocol: bgp",
          "  auto-assign: false",
          `  addresses: [${singleFamilyPool.addresses}]`,
        ]
      : []),
    ...(bfd === undefined
      ? []
      : [
          "bfd-profiles:",
          "- name: fast",
          `  receive-interval: ${bfd.intervalMs}`,
          `  transmit-interval: ${bfd.intervalMs}`,
          `  detect-multiplier: ${bfd.multiplier}`,
        ]),
    "",
  ].join("\n");
}

/** The ConfigMap's manifest. */
export function formatConfigMap(config: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "config", namespace: "routelb-system" },
    data: { config },
  });
}
