import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../lab/command.ts";
import { LabProcess } from "../../../lab/processes.ts";
import { holdTimeSeconds, routerAddress, routerAsn, senderAddress, senderAsn } from "../place.ts";
import { prefixText, type RunningSender, type Sender } from "../sender.ts";

function config(count: number, commands: string): string {
  const routes = Array.from({ length: count }, (_, index) => `    ${routeText(index)};`);
  return `
process commands {
  run /bin/cat ${commands};
  encoder text;
}
neighbor ${routerAddress} {
  router-id ${senderAddress};
  local-address ${senderAddress};
  local-as ${senderAsn};
  peer-as ${routerAsn};
  hold-time ${holdTimeSeconds};
  family { ipv4 unicast; }
  api { processes [ commands ]; }
  static {
${routes.join("\n")}
  }
}
`;
}

function routeText(index: number): string {
  return `route ${prefixText(index)} next-hop self`;
}

const environment = {
  "exabgp.daemon.user": "root",
  "exabgp.daemon.drop": "false",
  "exabgp.api.ack": "false",
  "exabgp.api.cli": "false",
  "exabgp.log.level": "WARNING",
};

/** It dials as soon as it has read its configuration, so that is started by `connect`. */
export const exabgpSender: Sender = {
  name: "ExaBGP",
  async start({ namespace, directory }, count): Promise<RunningSender> {
    const path = (name: string) => join(directory, name);
    await run("mkfifo", [path("commands")]);
    await writeFile(path("exabgp.conf"), config(count, path("commands")));
    const commands = await open(path("commands"), "r+");
    const pids: number[] = [];
    let exabgp: LabProcess | undefined;
    return {
      pids,
      async connect() {
        exabgp = await LabProcess.start({
          name: "exabgp",
          namespace,
          command: ["exabgp", path("exabgp.conf")],
          env: { ...process.env, ...environment },
          logFile: path("exabgp.log"),
        });
        pids.push(exabgp.pid);
      },
      async withdrawAll() {
        const lines = Array.from({ length: count }, (_, index) => `withdraw ${routeText(index)}\n`);
        await writeFile(commands, lines.join(""));
      },
      async change(isPresent) {
        await writeFile(commands, `${isPresent ? "announce" : "withdraw"} ${routeText(0)}\n`);
      },
      async [Symbol.asyncDispose]() {
        await exabgp?.stop();
        await commands.close();
      },
    };
  },
};
