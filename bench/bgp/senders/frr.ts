import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { numberAt, parseJson } from "../../../lab/kube/json.ts";
import { namespaceProcesses } from "../../../lab/namespaces.ts";
import { Router } from "../../../lab/router.ts";
import { waitFor } from "../../../lab/wait.ts";
import { holdTimeSeconds, routerAddress, routerAsn, senderAddress, senderAsn } from "../place.ts";
import { prefixText, type Sender } from "../sender.ts";
import { Vty } from "../vty.ts";

/** As MetalLB writes it for its FRR mode: a `network` line for each address. */
const config = `
router bgp ${senderAsn}
 bgp router-id ${senderAddress}
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor ${routerAddress} remote-as ${routerAsn}
 neighbor ${routerAddress} timers ${holdTimeSeconds / 3} ${holdTimeSeconds}
 neighbor ${routerAddress} timers connect 1
 neighbor ${routerAddress} shutdown
`;
const routerMode = ["configure terminal", `router bgp ${senderAsn}`];

export const frrSender: Sender = {
  name: "FRR",
  async start(place, count) {
    const router = await Router.start({ ...place, config });
    const vty = await Vty.open(join(place.directory, "bgpd.vty"));
    const configure = async (...lines: readonly string[]) => {
      await Promise.all([...routerMode, ...lines, "end"].map((line) => vty.command(line)));
    };
    const networks = (prefix: string) =>
      Array.from({ length: count }, (_, index) => `${prefix} ${prefixText(index)}`);
    await configure("address-family ipv4 unicast", ...networks("network"));
    await waitFor(
      async () => {
        const json = parseJson(await vty.command("show bgp ipv4 unicast summary json"));
        return (numberAt(json, "ribCount") ?? 0) >= count || undefined;
      },
      { what: "FRR has its routes", timeoutMs: 60_000 },
    );
    return {
      pids: await daemonPids(place.namespace),
      connect: () => configure(`no neighbor ${routerAddress} shutdown`),
      withdrawAll: () => configure("address-family ipv4 unicast", ...networks("no network")),
      change: (isPresent) =>
        configure(
          "address-family ipv4 unicast",
          `${isPresent ? "" : "no "}network ${prefixText(0)}`,
        ),
      async [Symbol.asyncDispose]() {
        vty.close();
        await router.close();
      },
    };
  },
};

/** zebra counts, too: bgpd is not to be had without it. */
async function daemonPids(namespace: string): Promise<number[]> {
  const pids: number[] = [];
  for (const pid of await namespaceProcesses(namespace)) {
    const name = (await readFile(`/proc/${pid}/comm`, "utf8")).trim();
    if (name === "bgpd" || name === "zebra") {
      pids.push(pid);
    }
  }
  return pids;
}
