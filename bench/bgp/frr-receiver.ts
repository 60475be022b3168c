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

const upLine = /^(\S+ \S+) .*ADJCHANGE: neighbor \S+ .*Up$/gm;
const endOfRibLine = /^(\S+ \S+) .*rcvd End-of-RIB for IPv4 Unicast from /gm;

/** Milliseconds since the Unix epoch of the last line that `pattern` finds. */
function lastAtMs(log: string, pattern: RegExp): number | undefined {
  const time = [...log.matchAll(pattern)].at(-1)?.[1];
  return time === undefined
    ? undefined
    : Date.parse(`${time.replaceAll("/", "-").replace(" ", "T")}Z`);
}

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
      moments: async () => {
        const log = await readFile(router.logFile, "utf8");
        const establishedMs = lastAtMs(log, upLine);
        const endOfRibMs = lastAtMs(log, endOfRibLine);
        return establishedMs === undefined || (endOfRibMs ?? 0) < establishedMs
          ? { establishedMs }
          : { establishedMs, endOfRibMs };
      },
      async [Symbol.asyncDispose]() {
        vty.close();
        await router.close();
      },
    } satisfies Receiver;
  },
};
