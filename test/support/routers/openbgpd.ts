import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../lab/command.ts";
import {
  booleanAt,
  type Json,
  listAt,
  numberAt,
  objectAt,
  parseJson,
  textAt,
  textsAt,
} from "../../../lab/kube/json.ts";
import { LabProcess } from "../../../lab/processes.ts";
import { waitFor } from "../../../lab/wait.ts";
import type { AddressFamily } from "../../../src/net/address.ts";
import { numericCommunities } from "./communities.ts";
import {
  addressOf,
  type NeighbourView,
  ownNetworks,
  type RouterKind,
  type RouterSettings,
  type RunningRouter,
  routerId,
  type SeenRoute,
} from "./router.ts";

export const openbgpd: RouterKind = {
  name: "OpenBGPD",
  id: "openbgpd",
  async version() {
    const text = await run("sh", ["-c", "/usr/sbin/bgpd -V 2>&1"]);
    return /OpenBGPD (\S+)/.exec(text)?.[1] ?? "";
  },
  async start(place, settings) {
    const directory = join(place.directory, "openbgpd");
    await mkdir(directory, { recursive: true });
    const path = (name: string) => join(directory, name);
    await writeFile(path("bgpd.conf"), configuration(settings, path("bgpd.sock")));
    // The home of its user, to which it confines itself; the package's service makes it at start.
    await mkdir("/run/openbgpd", { recursive: true });
    // It refuses a configuration that others may read or write.
    await chmod(path("bgpd.conf"), 0o600);
    const process = await LabProcess.start({
      name: "openbgpd",
      namespace: place.namespace,
      command: ["/usr/sbin/bgpd", "-d", "-v", "-f", path("bgpd.conf")],
      logFile: path("bgpd.log"),
    });
    const router = new RunningOpenbgpd(process, settings, path("bgpd.sock"), path("bgpd.log"));
    await waitFor(() => router.neighbour(), { what: "OpenBGPD answers", timeoutMs: 10_000 });
    return router;
  },
};

function configuration(settings: RouterSettings, socket: string): string {
  return `
AS ${settings.asn}
router-id ${routerId}
socket "${socket}"
fib-update no
listen on ${addressOf("router", settings)}
network ${ownNetworks.ipv4}
network ${ownNetworks.ipv6}
neighbor ${addressOf("speaker", settings)} {
  remote-as ${settings.speakerAsn}
  passive
  holdtime ${settings.holdTimeSeconds}
  announce IPv4 unicast
  announce IPv6 unicast
  announce enhanced refresh yes
  ${settings.password === undefined ? "" : `tcp md5sig password ${settings.password}`}
  ${settings.ttlSecurity ? "ttl-security yes" : ""}
}
allow from any
allow to any
`;
}

class RunningOpenbgpd implements RunningRouter {
  readonly #process: LabProcess;
  readonly #speaker: string;
  readonly #socket: string;
  readonly #logFile: string;

  constructor(process: LabProcess, settings: RouterSettings, socket: string, logFile: string) {
    this.#process = process;
    this.#speaker = addressOf("speaker", settings);
    this.#socket = socket;
    this.#logFile = logFile;
  }

  async neighbour(): Promise<NeighbourView> {
    const neighbour = listAt(await this.#json("show neighbor"), "neighbors")[0];
    const state = textAt(neighbour, "state") ?? "";
    const remoteAsn = textAt(neighbour, "remote_as");
    const holdTimeSeconds = numberAt(neighbour, "session", "holdtime");
    const capabilities = Object.keys(objectAt(neighbour, "session", "capabilities"));
    return {
      isUp: state === "Established",
      state,
      ...(remoteAsn !== undefined && { remoteAsn: Number(remoteAsn) }),
      ...(holdTimeSeconds !== undefined && { holdTimeSeconds }),
      extendedMessages: `agreed are only ${capabilities.join(", ")}`,
    };
  }

  async count(family: AddressFamily): Promise<number> {
    const text = await this.#bgpctl(`show rib ${family} neighbor ${this.#speaker}`);
    const ofFamily = family === "ipv4" ? /\d\.\d/ : /:.*\//;
    return text.split("\n").filter((line) => / [\da-f:.]+\/\d+ /.test(line) && ofFamily.test(line))
      .length;
  }

  async route(prefix: string): Promise<SeenRoute | undefined> {
    const path = listAt(await this.#json(`show rib detail ${prefix}`), "rib")[0];
    return path === undefined ? undefined : seenRoute(path);
  }

  async refresh(): Promise<string> {
    const command = `neighbor ${this.#speaker} refresh`;
    await this.#bgpctl(command);
    return `bgpctl ${command}`;
  }

  async history(): Promise<string> {
    return `${await readFile(this.#logFile, "utf8")}\n${await this.#bgpctl("show neighbor")}`;
  }

  async close(): Promise<void> {
    await this.#process.stop();
  }

  #bgpctl(command: string): Promise<string> {
    return run("bgpctl", ["-s", this.#socket, ...command.split(" ")]);
  }

  async #json(command: string): Promise<Json> {
    return parseJson(await this.#bgpctl(`-j ${command}`));
  }
}

function seenRoute(path: Json): SeenRoute {
  const localPref = numberAt(path, "localpref");
  const med = numberAt(path, "metric");
  return {
    asPath: textAt(path, "aspath") ?? "",
    nextHops: [textAt(path, "exit_nexthop") ?? ""],
    origin: textAt(path, "origin") ?? "",
    ...(localPref !== undefined && { localPref }),
    ...(med !== undefined && { med }),
    communities: numericCommunities(textsAt(path, "communities")),
    largeCommunities: textsAt(path, "large_communities"),
    extendedCommunities: textsAt(path, "extended_communities").join(" "),
    isStale: booleanAt(path, "stale") ?? false,
  };
}
