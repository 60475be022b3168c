import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runIn } from "../../../lab/namespaces.ts";
import { LabProcess } from "../../../lab/processes.ts";
import { waitFor } from "../../../lab/wait.ts";
import { encodeTableDump } from "../mrt.ts";
import { holdTimeSeconds, routerAddress, routerAsn, senderAddress, senderAsn } from "../place.ts";
import { prefixText, type Sender } from "../sender.ts";

const config = `
[global.config]
  as = ${senderAsn}
  router-id = "${senderAddress}"
  port = -1

[[neighbors]]
  [neighbors.config]
    neighbor-address = "${routerAddress}"
    peer-as = ${routerAsn}
    admin-down = true
  [neighbors.timers.config]
    hold-time = ${holdTimeSeconds}
    keepalive-interval = ${holdTimeSeconds / 3}
    connect-retry = 1
    idle-hold-time-after-reset = 1
`;
const injectLimitMs = 300_000;

export const gobgpSender: Sender = {
  name: "GoBGP",
  async start({ namespace, directory }, count) {
    const path = (name: string) => join(directory, name);
    await writeFile(path("gobgpd.toml"), config);
    await writeFile(path("routes.mrt"), encodeTableDump(count - 1, senderAddress));
    const daemon = await LabProcess.start({
      name: "gobgpd",
      namespace,
      command: ["gobgpd", "-f", path("gobgpd.toml"), "--pprof-disable", "--log-plain"],
      logFile: path("gobgpd.log"),
    });
    const gobgp = async (command: string): Promise<string> =>
      runIn(namespace, "gobgp", command.split(" "), { timeoutMs: injectLimitMs });
    await waitFor(() => gobgp("global"), {
      what: "GoBGP answers",
      timeoutMs: 20_000,
    });
    // What comes from a dump cannot be deleted one by one, so the first route is added by itself.
    await gobgp(`global rib add ${prefixText(0)}`);
    await gobgp(`mrt inject global ${path("routes.mrt")}`);
    await waitFor(
      async () => {
        const text = await gobgp("global rib summary");
        return Number(/Path: (\d+)/.exec(text)?.[1]) === count || undefined;
      },
      { what: "GoBGP has its routes", timeoutMs: 60_000 },
    );
    const command = async (text: string) => {
      await gobgp(text);
    };
    return {
      pids: [daemon.pid],
      connect: () => command(`neighbor ${routerAddress} enable`),
      withdrawAll: () => command("global rib del all -a ipv4"),
      change: (isPresent) =>
        command(`global rib ${isPresent ? "add" : "del"} ${prefixText(0)} -a ipv4`),
      async [Symbol.asyncDispose]() {
        await daemon.stop();
      },
    };
  },
};
