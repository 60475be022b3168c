import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { numberAt, parseJson, textAt } from "../../lab/kube/json.ts";
import { Router } from "../../lab/router.ts";
import { holdTimeSeconds, routerAsn, senderAddress, senderAsn } from "./place.ts";
import type { Receiver, ReceiverKind } from "./receiver.ts";
import { Vty } from "./vty.ts";

const config = `
router bgp ${routerAsn}
 bgp router-id 172.16.9.1
 bgp log-neighbor-changes
 no bgp ebgp-requires-policy
 neighbor ${senderAddress} remote-as ${senderAsn}
 neighbor ${senderAddress} timers ${holdTimeSeconds / 3} ${holdTimeSeconds}
 neighbor ${senderAddress} passive
 address-family ipv4 unicast
  neighbor ${senderAddress} route-map NOTHING out
 exit-address-family
exit
route-map NOTHING deny 10
`;

const upLine = /^(\d+)\/(\d+)\/(\d+) (\S+) .*ADJCHANGE: neighbor \S+ .*Up$/gm;

export const frrReceiver: ReceiverKind = {
  name: "FRR",
  async start(place) {
    const router = await Router.start({ ...place, config });
    const vty = await Vty.open(join(place.directory, "bgpd.vty"));
    const peer = async () => {
      const json = parseJson(await vty.command("show bgp ipv4 unicast summary json"));
      return {
        routes: numberAt(json, "peers", senderAddress, "pfxRcd"),
        state: textAt(json, "peers", senderAddress, "state"),
      };
    };
    return {
      routes: async () => (await peer()).routes ?? 0,
      isListening: async () => (await peer()).state === "Active",
      async establishedAtMs() {
        const log = await readFile(router.logFile, "utf8");
        const last = [...log.matchAll(upLine)].at(-1);
        return last && Date.parse(`${last[1]}-${last[2]}-${last[3]}T${last[4]}Z`);
      },
      async [Symbol.asyncDispose]() {
        vty.close();
        await router.close();
      },
    } satisfies Receiver;
  },
};
