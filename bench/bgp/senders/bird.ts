import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LabProcess } from "../../../lab/processes.ts";
import { waitFor } from "../../../lab/wait.ts";
import { BirdControl } from "../bird-control.ts";
import { holdTimeSeconds, routerAddress, routerAsn, senderAddress, senderAsn } from "../place.ts";
import { prefixText, type Sender } from "../sender.ts";

/** The first route is a protocol of its own, so that it can change alone. */
function config(count: number): string {
  const others = Array.from({ length: count - 1 }, (_, index) => {
    return `  route ${prefixText(index + 1)} blackhole;`;
  });
  return `
router id ${senderAddress};
protocol device {}
protocol direct { ipv4; }
protocol static one { ipv4; route ${prefixText(0)} blackhole; }
protocol static others { ipv4;
${others.join("\n")}
}
protocol bgp peer {
  disabled;
  local ${senderAddress} as ${senderAsn};
  neighbor ${routerAddress} as ${routerAsn};
  direct;
  hold time ${holdTimeSeconds};
  connect delay time 1;
  connect retry time 1;
  error wait time 1, 2;
  ipv4 { import none; export where source = RTS_STATIC; next hop self; };
}
`;
}

export const birdSender: Sender = {
  name: "BIRD",
  async start({ namespace, directory }, count) {
    const path = (name: string) => join(directory, name);
    await writeFile(path("bird.conf"), config(count));
    const bird = await LabProcess.start({
      name: "bird",
      namespace,
      command: ["bird", "-f", "-c", path("bird.conf"), "-s", path("bird.ctl"), "-P", path("pid")],
      logFile: path("bird.out"),
    });
    await waitFor(() => stat(path("bird.ctl")), { what: "BIRD answers", timeoutMs: 30_000 });
    const control = await BirdControl.open(path("bird.ctl"));
    await waitFor(
      async () => {
        const text = await control.command("show route count");
        return Number(/(\d+) of/.exec(text)?.[1]) > count || undefined;
      },
      { what: "BIRD has its routes", timeoutMs: 30_000 },
    );
    const command = async (text: string) => {
      await control.command(text);
    };
    return {
      pids: [bird.pid],
      connect: () => command("enable peer"),
      async withdrawAll() {
        await command("disable one");
        await command("disable others");
      },
      change: (isPresent) => command(isPresent ? "enable one" : "disable one"),
      async [Symbol.asyncDispose]() {
        control.close();
        await bird.stop();
      },
    };
  },
};
