import type { Lab } from "./lab.ts";
import { describeError } from "./logs.ts";
import { workerNodes } from "./scenario.ts";
import { manifestFile } from "./service-manifest.ts";
import { nodeHalted } from "./sights/halt.ts";
import { localPolicy } from "./sights/local.ts";
import { requestsSpread, routerHasRoute, serviceHasAddress } from "./sights/service.ts";
import type { Show, Sight } from "./sights/sight.ts";
import { describeVariant, speakerAsn, type Variant } from "./variant.ts";
import { urlOf } from "./view.ts";

export function picture(variant: Variant): string {
  const speaker = `speaker, AS ${speakerAsn(variant)}`;
  const differences = describeVariant(variant);
  const [, second] = variant.sites;
  return `
 client              router (FRR, AS 64512)                 bridge "k8s-net" 172.16.7.0/24
 172.16.9.11 ------- 172.16.9.1 | 172.16.7.1 -------+------ node0 172.16.7.10  API server, controller
                                                    +------ node1 172.16.7.11  ${speaker}
 ${
   second === undefined
     ? "                                                   "
     : "172.16.10.11 ------ 172.16.10.1 | 172.16.7.2 ------"
 }+------ node2 172.16.7.12  ${speaker}
 ${
   second === undefined
     ? "                                                   "
     : "client2             router2 (FRR, AS 64512)        "
 }+------ node3 172.16.7.13  ${speaker}
${differences === "" ? "" : `\n the lab of: ${differences}\n`}`;
}

const stops: readonly Sight[] = [
  serviceHasAddress,
  routerHasRoute,
  requestsSpread,
  nodeHalted,
  localPolicy,
];

/**
 * Walks through what the scenario shows, printing commands and what they print. What is not seen is
 * said, and the tour goes on.
 */
export async function giveTour(
  lab: Lab,
  print: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const [index, stop] of stops.entries()) {
    print(`\n== ${index + 1}. ${stop.title}\n`);
    const show: Show = (command, output) => print(`$ ${command}\n${indent(output)}\n`);
    const seen = await stop.see(lab, show).catch((error: unknown) => {
      return `NOT SEEN: ${describeError(error)}`;
    });
    signal.throwIfAborted();
    print(`=> ${seen}\n`);
  }
}

/** What a user may type while the lab runs. Without the tour, nginx is still to be made. */
export async function playCommands(lab: Lab, commands: string, hasNginx: boolean): Promise<string> {
  const node = workerNodes[2]?.name ?? "node3";
  const { address, family } = lab.views[0];
  const create = hasNginx
    ? ""
    : `
  kubectl create -f ${await manifestFile(lab, "nginx")}`;
  return `
The lab is up; Ctrl-C ends it and leaves nothing behind. In another terminal, as root:

  export PATH=${commands}:$PATH    # kubectl, routelb, vtysh: the lab's; on PLACE COMMAND
${create}
  kubectl get svc,nodes,pods -A -o wide
  kubectl describe svc nginx
  kubectl scale deployment nginx --replicas=1
  routelb status
  routelb explain default/nginx

  vtysh -c "show bgp ${family} unicast"
  on router ip route show ${address}
  on client curl -sg '${urlOf(address)}'

  ip -n ${lab.instance.namespace("switch")} link set ${node} down    # pull a node's cable; "up" again
  ls ${lab.instance.directory}                        # logs: nodes/*/logs, router/frr.log
`;
}

function indent(text: string): string {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
