import { scenario, workerNodes } from "../../lab/topology.ts";
import { fiveSights } from "./sights.ts";

const { routerAsn, speakerAsn, routerAddress } = scenario;
const eachNode = (line: (address: string) => string): string =>
  workerNodes.map(({ address }) => line(address)).join("\n");

/**
 * What VyOS 1.3 writes into frr.conf (taken from its documentation and its template, not from a
 * VyOS that was run) for
 *
 *     set protocols bgp 64512 parameters router-id 172.16.9.1
 *     set protocols bgp 64512 neighbor 172.16.7.11 remote-as 64522        (.12 .13)
 *     set protocols bgp 64512 address-family ipv4-unicast network 172.16.9.0/24
 *     set protocols bgp 64512 address-family ipv4-unicast maximum-paths ebgp 3
 */
const vyos13 = `
router bgp ${routerAsn}
 bgp router-id ${routerAddress}
 bgp log-neighbor-changes
 no bgp ebgp-requires-policy
 no bgp network import-check
${eachNode((address) => ` neighbor ${address} remote-as ${speakerAsn}`)}
 !
 address-family ipv4 unicast
  network 172.16.9.0/24
  maximum-paths 3
 exit-address-family
exit
`;

/**
 * What VyOS 1.4 writes (from its documentation and template as well): no neighbour has a family
 * unless it is given one.
 *
 *     set protocols bgp system-as 64512
 *     set protocols bgp parameters router-id 172.16.9.1
 *     set protocols bgp neighbor 172.16.7.11 remote-as 64522              (.12 .13)
 *     set protocols bgp neighbor 172.16.7.11 address-family ipv4-unicast
 *     set protocols bgp address-family ipv4-unicast network 172.16.9.0/24
 *     set protocols bgp address-family ipv4-unicast maximum-paths ebgp 3
 */
const vyos14 = `
router bgp ${routerAsn}
 bgp router-id ${routerAddress}
 bgp log-neighbor-changes
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 no bgp network import-check
${eachNode((address) => ` neighbor ${address} remote-as ${speakerAsn}`)}
 !
 address-family ipv4 unicast
  network 172.16.9.0/24
${eachNode((address) => `  neighbor ${address} activate`)}
  maximum-paths 3
 exit-address-family
exit
`;

fiveSights("the router as VyOS 1.3 configures it", {
  id: "vyos13",
  proxyMode: "nftables",
  routerConfig: vyos13,
});
fiveSights("the router as VyOS 1.4 configures it", {
  id: "vyos14",
  proxyMode: "nftables",
  routerConfig: vyos14,
});
