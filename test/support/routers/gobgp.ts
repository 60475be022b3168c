import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../lab/command.ts";
import {
  booleanAt,
  type Json,
  listAt,
  numberAt,
  parseJson,
  textAt,
} from "../../../lab/kube/json.ts";
import { runIn } from "../../../lab/namespaces.ts";
import { LabProcess } from "../../../lab/processes.ts";
import { waitFor } from "../../../lab/wait.ts";
import type { AddressFamily } from "../../../src/net/address.ts";
import { communityOf, numericCommunities } from "./communities.ts";
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

export const gobgp: RouterKind = {
  name: "GoBGP",
  id: "gobgp",
  async version() {
    return /version (\S+)/.exec(await run("gobgpd", ["--version"]))?.[1] ?? "";
  },
  async start(place, settings) {
    const directory = join(place.directory, "gobgp");
    await mkdir(directory, { recursive: true });
    const configFile = join(directory, "gobgpd.toml");
    const logFile = join(directory, "gobgpd.log");
    await writeFile(configFile, configuration(settings));
    const process = await LabProcess.start({
      name: "gobgpd",
      namespace: place.namespace,
      command: ["gobgpd", "-f", configFile, "--pprof-disable", "--log-plain"],
      logFile,
    });
    const router = new RunningGobgp(process, place.namespace, settings, logFile);
    await waitFor(() => router.advertiseOwn(), { what: "GoBGP answers", timeoutMs: 20_000 });
    return router;
  },
};

function configuration(settings: RouterSettings): string {
  const family = (name: string) => `
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${name}"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
`;
  return `
[global.config]
  as = ${settings.asn}
  router-id = "${routerId}"

[[neighbors]]
  [neighbors.config]
    neighbor-address = "${addressOf("speaker", settings)}"
    peer-as = ${settings.speakerAsn}
    ${settings.password === undefined ? "" : `auth-password = "${settings.password}"`}
  [neighbors.transport.config]
    passive-mode = true
  [neighbors.timers.config]
    hold-time = ${settings.holdTimeSeconds}
    keepalive-interval = ${Math.max(1, Math.floor(settings.holdTimeSeconds / 3))}
  [neighbors.graceful-restart.config]
    enabled = true
    restart-time = 60
  ${settings.ttlSecurity ? "[neighbors.ttl-security.config]\n    enabled = true\n    ttl-min = 255" : ""}
${family("ipv4-unicast")}${family("ipv6-unicast")}`;
}

class RunningGobgp implements RunningRouter {
  readonly #process: LabProcess;
  readonly #namespace: string;
  readonly #speaker: string;
  readonly #logFile: string;

  constructor(process: LabProcess, namespace: string, settings: RouterSettings, logFile: string) {
    this.#process = process;
    this.#namespace = namespace;
    this.#speaker = addressOf("speaker", settings);
    this.#logFile = logFile;
  }

  async advertiseOwn(): Promise<true> {
    await this.#gobgp(`global rib add ${ownNetworks.ipv4}`);
    await this.#gobgp(`global rib add -a ipv6 ${ownNetworks.ipv6} nexthop ${link.ipv6.router}`);
    return true;
  }

  async neighbour(): Promise<NeighbourView> {
    const json = await this.#json(`neighbor ${this.#speaker}`);
    return json === undefined
      ? { isUp: false, state: "none", extendedMessages: "none" }
      : viewOf(json);
  }

  async count(family: AddressFamily): Promise<number> {
    const text = await this.#gobgp(`neighbor ${this.#speaker} adj-in summary -a ${family}`);
    return Number(/Path: (\d+)/.exec(text)?.[1] ?? Number.NaN);
  }

  async route(prefix: string): Promise<SeenRoute | undefined> {
    const family = prefix.includes(":") ? "ipv6" : "ipv4";
    const json = await this.#json(`global rib ${prefix} -a ${family}`);
    const path = listAt(json, prefix)[0] ?? listAt({ json: json ?? null }, "json")[0];
    return path === undefined ? undefined : seenRoute(path);
  }

  async refresh(): Promise<string> {
    const command = `neighbor ${this.#speaker} softresetin -a ipv4`;
    await this.#gobgp(command);
    return `gobgp ${command}`;
  }

  history(): Promise<string> {
    return readFile(this.#logFile, "utf8");
  }

  async close(): Promise<void> {
    await this.#process.stop();
  }

  #gobgp(command: string): Promise<string> {
    return runIn(this.#namespace, "gobgp", command.split(" "));
  }

  async #json(command: string): Promise<Json | undefined> {
    const text = await this.#gobgp(`-j ${command}`);
    return text.startsWith("{") || text.startsWith("[") ? parseJson(text) : undefined;
  }
}

/** GoBGP's `PeerState.SessionState`, by number. */
const states = ["UNKNOWN", "IDLE", "CONNECT", "ACTIVE", "OPENSENT", "OPENCONFIRM", "ESTABLISHED"];
/** Protocol Buffers text of a capability without a value, code 6: extended message. */
const extendedMessageValue = "CAY=";

function viewOf(json: Json): NeighbourView {
  const state = states[numberAt(json, "state", "session_state") ?? 0] ?? "UNKNOWN";
  const remoteAsn = numberAt(json, "state", "peer_asn");
  const holdTimeSeconds = numberAt(json, "timers", "state", "negotiated_hold_time");
  const extended = listAt(json, "state", "remote_cap").find(
    (capability) => textAt(capability, "value") === extendedMessageValue,
  );
  const kind = textAt(extended, "type_url")?.split(".").at(-1);
  return {
    isUp: state === "ESTABLISHED",
    state,
    ...(remoteAsn !== undefined && { remoteAsn }),
    ...(holdTimeSeconds !== undefined && { holdTimeSeconds }),
    extendedMessages: `shows our capability 6 as ${kind}`,
  };
}

const origins = ["igp", "egp", "incomplete"];

function seenRoute(path: Json): SeenRoute {
  const attributes = new Map(listAt(path, "attrs").map((one) => [numberAt(one, "type"), one]));
  const med = numberAt(attributes.get(4), "metric");
  const localPref = numberAt(attributes.get(5), "value");
  const extended = listAt(attributes.get(16), "value");
  const bandwidth = extended.find((one) => numberAt(one, "subtype") === 4);
  const linkBandwidth = numberAt(bandwidth, "bandwidth");
  const nextHop = textAt(attributes.get(14) ?? attributes.get(3), "nexthop");
  return {
    asPath: listAt(attributes.get(2), "as_paths")
      .flatMap((segment) => listAt(segment, "asns").map(Number))
      .join(" "),
    nextHops: nextHop === undefined ? [] : [nextHop],
    origin: origins[numberAt(attributes.get(1), "value") ?? 0] ?? "",
    ...(localPref !== undefined && { localPref }),
    ...(med !== undefined && { med }),
    communities: numericCommunities(
      listAt(attributes.get(8), "communities").map((value) => communityOf(Number(value))),
    ),
    largeCommunities: listAt(attributes.get(32), "value").map((one) =>
      [numberAt(one, "ASN"), numberAt(one, "LocalData1"), numberAt(one, "LocalData2")].join(":"),
    ),
    ...(linkBandwidth !== undefined && { linkBandwidth }),
    extendedCommunities: JSON.stringify(extended),
    isStale: booleanAt(path, "stale") ?? false,
  };
}
