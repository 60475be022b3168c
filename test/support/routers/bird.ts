import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../lab/command.ts";
import { LabProcess } from "../../../lab/processes.ts";
import { waitFor } from "../../../lab/wait.ts";
import type { AddressFamily } from "../../../src/net/address.ts";
import { numericCommunities } from "./communities.ts";
import {
  addressOf,
  link,
  type NeighbourView,
  ownNetworks,
  type RouterKind,
  type RouterSettings,
  type RunningRouter,
  routerId,
  type SeenRoute,
} from "./router.ts";

export const bird: RouterKind = {
  name: "BIRD",
  id: "bird",
  async version() {
    // It writes its version to standard error.
    const text = await run("sh", ["-c", "bird --version 2>&1"]);
    return /version (\S+)/.exec(text)?.[1] ?? "";
  },
  async start(place, settings) {
    const directory = join(place.directory, "bird");
    await mkdir(directory, { recursive: true });
    const path = (name: string) => join(directory, name);
    await writeFile(path("bird.conf"), configuration(settings, path("routes.log")));
    const process = await LabProcess.start({
      name: "bird",
      namespace: place.namespace,
      command: ["bird", "-f", "-c", path("bird.conf"), "-s", path("bird.ctl"), "-P", path("pid")],
      logFile: path("bird.out"),
    });
    await waitFor(() => stat(path("bird.ctl")), { what: "BIRD answers", timeoutMs: 10_000 });
    return new RunningBird(process, path("bird.ctl"), path("routes.log"));
  },
};

function configuration(settings: RouterSettings, logFile: string): string {
  const { router, device } = link[settings.transport];
  const ipv4NextHop = settings.transport === "ipv4" ? "" : `next hop address ${link.ipv4.router};`;
  const ipv6NextHop = settings.transport === "ipv4" ? `next hop address ${link.ipv6.router};` : "";
  return `
log "${logFile}" all;
router id ${routerId};
protocol device {}
protocol static networks4 { ipv4; route ${ownNetworks.ipv4} blackhole; }
protocol static networks6 { ipv6; route ${ownNetworks.ipv6} blackhole; }
${settings.bfd ? `protocol bfd { interface "${device}" { interval 300 ms; multiplier 3; }; }` : ""}
protocol bgp speaker {
  local ${router} as ${settings.asn};
  neighbor ${addressOf("speaker", settings)} ${settings.twoOctetAsn ? "external" : `as ${settings.speakerAsn}`};
  ${settings.twoOctetAsn ? "enable as4 off;" : ""}
  passive on;
  direct;
  hold time ${settings.holdTimeSeconds};
  # Refuses connections for 60 s, then twice that, after each error otherwise.
  error wait time 1, 2;
  enable extended messages on;
  ${settings.password === undefined ? "" : `password "${settings.password}";`}
  ${settings.ttlSecurity ? "ttl security on;" : ""}
  ${settings.bfd ? "bfd on;" : ""}
  ipv4 {
    import all; export where source = RTS_STATIC;
    ${settings.extendedNextHop ? "extended next hop on;" : ipv4NextHop}
  };
  ipv6 { import all; export where source = RTS_STATIC; ${ipv6NextHop} };
}
`;
}

class RunningBird implements RunningRouter {
  readonly #process: LabProcess;
  readonly #control: string;
  readonly #logFile: string;

  constructor(process: LabProcess, control: string, logFile: string) {
    this.#process = process;
    this.#control = control;
    this.#logFile = logFile;
  }

  async neighbour(): Promise<NeighbourView> {
    const text = await this.#birdc("show protocols all speaker");
    const state = /BGP state:\s+(.*)/.exec(text)?.[1]?.trim() ?? "";
    const remoteAsn = /Neighbor AS:\s+(\d+)/.exec(text)?.[1];
    const holdTime = /Hold timer:\s+[\d.]+\/(\d+)/.exec(text)?.[1];
    const offered =
      /Neighbor capabilities\n([\s\S]*?)\n {4}\S/.exec(text)?.[1]?.match(/(?<=^ {6})\S.*/gm) ?? [];
    // Its own capability, and the neighbour's.
    const both = text.match(/Extended message/g)?.length;
    return {
      isUp: state === "Established",
      state,
      ...(remoteAsn !== undefined && { remoteAsn: Number(remoteAsn) }),
      ...(holdTime !== undefined && { holdTimeSeconds: Number(holdTime) }),
      extendedMessages: both === 2 ? "agreed" : `offered are only ${offered.join(", ")}`,
    };
  }

  async count(family: AddressFamily): Promise<number> {
    const table = family === "ipv4" ? "master4" : "master6";
    const text = await this.#birdc(`show route table ${table} protocol speaker count`);
    return Number(/^(\d+) of/m.exec(text)?.[1] ?? Number.NaN);
  }

  async route(prefix: string): Promise<SeenRoute | undefined> {
    const text = await this.#birdc(`show route all protocol speaker for ${prefix}`);
    return text.includes(prefix) ? seenRoute(text) : undefined;
  }

  async refresh(): Promise<string> {
    const command = "reload in speaker";
    await this.#birdc(command);
    return `birdc ${command}`;
  }

  async history(): Promise<string> {
    return `${await readFile(this.#logFile, "utf8")}\n${await this.#birdc("show protocols all speaker")}`;
  }

  async bfdState(): Promise<string> {
    const text = await this.#birdc("show bfd sessions");
    return /^172\.16\.7\.11\s+\S+\s+(\S+)/m.exec(text)?.[1] ?? "";
  }

  async close(): Promise<void> {
    await this.#process.stop();
  }

  #birdc(command: string): Promise<string> {
    return run("birdc", ["-s", this.#control, ...command.split(" ")]);
  }
}

function seenRoute(text: string): SeenRoute {
  const attribute = (name: string) =>
    new RegExp(`^\\s+BGP\\.${name}: ?(.*)$`, "m").exec(text)?.[1]?.trim();
  const pairs = (value: string | undefined) => value?.match(/\([^)]*\)/g) ?? [];
  const localPref = attribute("local_pref");
  const med = attribute("med");
  return {
    asPath: attribute("as_path") ?? "",
    nextHops: (attribute("next_hop") ?? "").split(" ").filter(Boolean),
    origin: (attribute("origin") ?? "").toLowerCase(),
    ...(localPref !== undefined && { localPref: Number(localPref) }),
    ...(med !== undefined && { med: Number(med) }),
    communities: numericCommunities(pairs(attribute("community"))),
    largeCommunities: pairs(attribute("large_community")).map(
      (triple) => triple.match(/\d+/g)?.join(":") ?? "",
    ),
    extendedCommunities: attribute("ext_community") ?? "",
  };
}
