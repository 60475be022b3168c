import { scenario, workerNodes } from "../../lab/scenario.ts";

/*
 * The router as VyOS configures it: the FRR configuration that VyOS derives from the documented
 * commands, line by line and in its order, as its templates tell (no VyOS was run).
 */
const { routerAsn, speakerAsn, routerAddress } = scenario;
const eachNode = (lines: (address: string) => string): string =>
  workerNodes.map(({ address }) => lines(address)).join("\n");

/*
 *     set protocols bgp 64512 parameters router-id 172.16.9.1
 *     set protocols bgp 64512 parameters log-neighbor-changes
 *     set protocols bgp 64512 neighbor 172.16.7.11 remote-as 64522                (.12 .13)
 *     set protocols bgp 64512 address-family ipv4-unicast network 172.16.9.0/24
 *     set protocols bgp 64512 address-family ipv4-unicast maximum-paths ebgp 3
 */
export const vyos13 = `
router bgp ${routerAsn}
 no bgp ebgp-requires-policy
 no bgp network import-check
 !
 address-family ipv4 unicast
  maximum-paths 3
  network 172.16.9.0/24
 exit-address-family
 !
${eachNode((address) => ` neighbor ${address} remote-as ${speakerAsn}\n !`)}
 bgp log-neighbor-changes
 bgp router-id ${routerAddress}
!
`;

/*
 * A neighbour has no family unless it is given one:
 *
 *     set protocols bgp system-as 64512
 *     set protocols bgp parameters router-id 172.16.9.1
 *     set protocols bgp parameters log-neighbor-changes
 *     set protocols bgp neighbor 172.16.7.11 remote-as 64522                      (.12 .13)
 *     set protocols bgp neighbor 172.16.7.11 address-family ipv4-unicast
 *     set protocols bgp address-family ipv4-unicast network 172.16.9.0/24
 *     set protocols bgp address-family ipv4-unicast maximum-paths ebgp 3
 */
export const vyos14 = `
router bgp ${routerAsn}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 no bgp network import-check
 !
 address-family ipv4 unicast
  maximum-paths 3
  network 172.16.9.0/24
 exit-address-family
 !
${eachNode(
  (address) => ` neighbor ${address} remote-as ${speakerAsn}
 !
 address-family ipv4 unicast
  neighbor ${address} activate
 exit-address-family
 !`,
)}
 bgp log-neighbor-changes
 bgp router-id ${routerAddress}
exit
!
`;
