import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LabProcess } from "../../lab/processes.ts";
import { waitFor } from "../../lab/wait.ts";
import { BirdControl } from "./bird-control.ts";
import { holdTimeSeconds, routerAddress, routerAsn, senderAddress, senderAsn } from "./place.ts";
import type { Receiver, ReceiverKind } from "./receiver.ts";

function config(logFile: string): string {
  return `
log "${logFile}" all;
timeformat log "%Y-%m-%dT%H:%M:%S.%6f";
router id 172.16.9.1;
protocol device {}
protocol direct { ipv4; }
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
protocol bgp peer {
  debug { states, events };
  local ${routerAddress} as ${routerAsn};
  neighbor ${senderAddress} as ${senderAsn};
  passive on;
  direct;
  hold time ${holdTimeSeconds};
  error wait time 1, 2;
  enable extended messages on;
  ipv4 { import all; export none; };
}
`;
}

const upLine = /^(\S+) .*peer: State changed to up$/gm;

export const birdReceiver: ReceiverKind = {
  name: "BIRD",
  async start({ namespace, directory }) {
    const path = (name: string) => join(directory, name);
    await writeFile(path("bird.conf"), config(path("bird.log")));
    const bird = await LabProcess.start({
      name: "bird",
      namespace,
      command: ["bird", "-f", "-c", path("bird.conf"), "-s", path("bird.ctl"), "-P", path("pid")],
      env: { ...process.env, TZ: "UTC" },
      logFile: path("bird.out"),
    });
    await waitFor(() => stat(path("bird.ctl")), { what: "BIRD answers", timeoutMs: 10_000 });
    const control = await BirdControl.open(path("bird.ctl"));
    const show = () => control.command("show protocols all peer");
    return {
      routes: async () => Number(/Routes:\s+(\d+) imported/.exec(await show())?.[1] ?? 0),
      isListening: async () => /BGP state:\s+(Passive|Active)/.test(await show()),
      async moments() {
        const log = await readFile(path("bird.log"), "utf8");
        const last = [...log.matchAll(upLine)].at(-1);
        return { establishedMs: last && Date.parse(`${last[1]}Z`) };
      },
      async [Symbol.asyncDispose]() {
        control.close();
        await bird.stop();
      },
    } satisfies Receiver;
  },
};
