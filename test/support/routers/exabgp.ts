import { appendFile, chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../lab/command.ts";
import { runIn } from "../../../lab/namespaces.ts";
import { LabProcess } from "../../../lab/processes.ts";
import { waitFor } from "../../../lab/wait.ts";
import type { AddressFamily } from "../../../src/net/address.ts";
import { ExabgpEvents } from "./exabgp-events.ts";
import {
  link,
  type NeighbourView,
  ownNetworks,
  type RouterKind,
  RouterRefusal,
  type RouterSettings,
  type RunningRouter,
  routerId,
  type SeenRoute,
} from "./router.ts";

/**
 * ExaBGP keeps no table of routes: it hands each message to a process of its user, as JSON. Here
 * that process writes a file, which is read as such a user would.
 */
export const exabgp: RouterKind = {
  name: "ExaBGP",
  id: "exabgp",
  async version() {
    return /ExaBGP : (\S+)/.exec(await run("exabgp", ["--version"]))?.[1] ?? "";
  },
  async start(place, settings) {
    const directory = join(place.directory, "exabgp");
    await mkdir(directory, { recursive: true });
    const path = (name: string) => join(directory, name);
    await writeFile(path("exabgp.conf"), configuration(settings, path));
    // Its standard output stays open, on 3: ExaBGP takes the end of it for the end of the process.
    await writeFile(path("events.sh"), `exec cat 3>&1 >>${path("events")}\n`);
    await writeFile(path("events"), "");
    await writeFile(path("commands"), "");
    // ExaBGP's processes run as its user.
    await chmod(path("events"), 0o666);
    const process = await LabProcess.start({
      name: "exabgp",
      namespace: place.namespace,
      command: ["exabgp", path("exabgp.conf")],
      env: {
        ...globalThis.process.env,
        "exabgp.tcp.bind": link[settings.transport].router,
        "exabgp.tcp.port": "179",
        "exabgp.api.cli": "false",
        "exabgp.api.ack": "false",
      },
      logFile: path("exabgp.log"),
    });
    const isListening = await waitFor(
      async () => {
        const listeners = await runIn(place.namespace, "ss", ["-ltnH"]);
        return listeners.includes(":179 ") || (process.running ? undefined : false);
      },
      { what: "ExaBGP listens", timeoutMs: 20_000 },
    );
    if (!isListening) {
      const log = await readFile(path("exabgp.log"), "utf8");
      throw new RouterRefusal(/can not .*/.exec(log)?.[0] ?? log);
    }
    return new RunningExabgp(process, settings, path);
  },
};

function configuration(settings: RouterSettings, path: (name: string) => string): string {
  const { router, speaker } = link[settings.transport];
  return `
process events {
  run /bin/sh ${path("events.sh")};
  encoder json;
}
process commands {
  run /usr/bin/tail -n +1 -f ${path("commands")};
  encoder text;
}
neighbor ${speaker} {
  router-id ${routerId};
  local-address ${router};
  local-as ${settings.asn};
  peer-as ${settings.speakerAsn};
  hold-time ${settings.holdTimeSeconds};
  passive true;
  listen 179;
  ${settings.password === undefined ? "" : `md5-password "${settings.password}";`}
  ${settings.ttlSecurity ? "outgoing-ttl 255; incoming-ttl 255;" : ""}
  family { ipv4 unicast; ipv6 unicast; }
  capability {
    asn4 enable;
    route-refresh enable;
    graceful-restart 60;
    extended-message enable;
    ${settings.extendedNextHop ? "nexthop enable;" : ""}
  }
  ${settings.extendedNextHop ? "nexthop { ipv4 unicast ipv6; }" : ""}
  api events {
    processes [ events ];
    neighbor-changes;
    receive { parsed; notification; open; update; }
  }
  api commands { processes [ commands ]; }
  announce {
    ipv4 { unicast ${ownNetworks.ipv4} next-hop ${link.ipv4.router}; }
    ipv6 { unicast ${ownNetworks.ipv6} next-hop ${link.ipv6.router}; }
  }
}
`;
}

class RunningExabgp implements RunningRouter {
  readonly #process: LabProcess;
  readonly #speaker: string;
  readonly #path: (name: string) => string;
  #events = new ExabgpEvents();

  constructor(process: LabProcess, settings: RouterSettings, path: (name: string) => string) {
    this.#process = process;
    this.#speaker = link[settings.transport].speaker;
    this.#path = path;
  }

  async neighbour(): Promise<NeighbourView> {
    return (await this.#read()).neighbour();
  }

  async count(family: AddressFamily): Promise<number> {
    return (await this.#read()).count(family);
  }

  async route(prefix: string): Promise<SeenRoute | undefined> {
    return (await this.#read()).route(prefix);
  }

  async refresh(): Promise<string> {
    const command = `neighbor ${this.#speaker} announce route-refresh ipv4 unicast`;
    await appendFile(this.#path("commands"), `${command}\n`);
    return command;
  }

  async history(): Promise<string> {
    const log = await readFile(this.#path("exabgp.log"), "utf8");
    return `${log}\n${(await this.#read()).endings.join("\n")}`;
  }

  async close(): Promise<void> {
    await this.#process.stop();
  }

  async #read(): Promise<ExabgpEvents> {
    this.#events.take(await readFile(this.#path("events"), "utf8"));
    return this.#events;
  }
}
