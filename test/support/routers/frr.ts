import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../lab/command.ts";
import {
  at,
  booleanAt,
  type Json,
  listAt,
  numberAt,
  objectAt,
  textAt,
} from "../../../lab/kube/json.ts";
import { Router } from "../../../lab/router.ts";
import type { AddressFamily } from "../../../src/net/address.ts";
import { numericCommunities } from "./communities.ts";
import {
  link,
  type NeighbourView,
  ownNetworks,
  type RouterKind,
  type RouterSettings,
  type RunningRouter,
  routerId,
  type SeenRoute,
} from "./router.ts";

export const frr: RouterKind = {
  name: "FRR",
  id: "frr",
  async version() {
    return /version (\S+)/.exec(await run("/usr/lib/frr/bgpd", ["--version"]))?.[1] ?? "";
  },
  async start(place, settings) {
    const router = await Router.start({
      namespace: place.namespace,
      directory: join(place.directory, "frr"),
      config: configuration(settings),
      ...(settings.bfd && { bfd: true }),
    });
    return new RunningFrr(router, settings);
  },
};

function configuration(settings: RouterSettings): string {
  const { speaker, device } = link[settings.transport];
  const neighbour = ` neighbor ${speaker}`;
  return [
    `router bgp ${settings.asn}`,
    ` bgp router-id ${routerId}`,
    " bgp log-neighbor-changes",
    " no bgp ebgp-requires-policy",
    " no bgp default ipv4-unicast",
    " no bgp network import-check",
    `${neighbour} remote-as ${settings.speakerAsn}`,
    `${neighbour} passive`,
    `${neighbour} timers ${Math.max(1, Math.floor(settings.holdTimeSeconds / 3))} ${settings.holdTimeSeconds}`,
    ...(settings.transport === "ipv4" ? [] : [`${neighbour} interface ${device}`]),
    ...(settings.password === undefined ? [] : [`${neighbour} password ${settings.password}`]),
    ...(settings.ttlSecurity ? [`${neighbour} ttl-security hops 1`] : []),
    ...(settings.extendedNextHop ? [`${neighbour} capability extended-nexthop`] : []),
    ...(settings.bfd ? [`${neighbour} bfd 3 300 300`] : []),
    " address-family ipv4 unicast",
    `  network ${ownNetworks.ipv4}`,
    ` ${neighbour} activate`,
    " exit-address-family",
    " address-family ipv6 unicast",
    `  network ${ownNetworks.ipv6}`,
    ` ${neighbour} activate`,
    " exit-address-family",
  ].join("\n");
}

class RunningFrr implements RunningRouter {
  readonly #router: Router;
  readonly #speaker: string;

  constructor(router: Router, settings: RouterSettings) {
    this.#router = router;
    this.#speaker = link[settings.transport].speaker;
  }

  async neighbour(): Promise<NeighbourView> {
    const json = await this.#neighbourJson();
    const state = textAt(json, "bgpState") ?? "unknown";
    const remoteAsn = numberAt(json, "remoteAs");
    const holdTimeMs = numberAt(json, "bgpTimerHoldTimeMsecs");
    const extended = textAt(json, "neighborCapabilities", "extendedMessage");
    return {
      isUp: state === "Established",
      state,
      ...(remoteAsn !== undefined && { remoteAsn }),
      ...(holdTimeMs !== undefined && { holdTimeSeconds: holdTimeMs / 1000 }),
      extendedMessages:
        extended === "advertisedAndReceived" ? "agreed" : `extendedMessage: ${extended}`,
    };
  }

  async count(family: AddressFamily): Promise<number> {
    const json = await this.#router.vtyshJson(`show bgp ${family} unicast json`);
    const own = await this.#ownCount(json);
    return Object.keys(objectAt(json, "routes")).length - own;
  }

  async route(prefix: string): Promise<SeenRoute | undefined> {
    const family = prefix.includes(":") ? "ipv6" : "ipv4";
    const json = await this.#router.vtyshJson(`show bgp ${family} unicast ${prefix} json`);
    const path = listAt(json, "paths")[0];
    return path === undefined ? undefined : seenRoute(path);
  }

  async refresh(): Promise<string> {
    const command = `clear bgp ipv4 unicast ${this.#speaker} soft in`;
    await this.#router.vtysh(command);
    return command;
  }

  async history(): Promise<string> {
    const { lastShutdownDescription, lastErrorCodeSubcode, lastResetDueTo } = objectAt(
      await this.#neighbourJson(),
    );
    const log = await readFile(this.#router.logFile, "utf8");
    return `${log}\n${JSON.stringify({ lastShutdownDescription, lastErrorCodeSubcode, lastResetDueTo })}`;
  }

  async bfdState(): Promise<string> {
    const json = await this.#neighbourJson();
    return textAt(json, "peerBfdInfo", "status") ?? "";
  }

  async close(): Promise<void> {
    await this.#router.close();
  }

  async #neighbourJson(): Promise<Json | undefined> {
    const json = await this.#router.vtyshJson(`show bgp neighbors ${this.#speaker} json`);
    return at(json, this.#speaker);
  }

  async #ownCount(json: Json): Promise<number> {
    const routes = objectAt(json, "routes");
    return Object.values(ownNetworks).filter((network) => routes[network] !== undefined).length;
  }
}

function seenRoute(path: Json): SeenRoute {
  const localPref = numberAt(path, "locPrf");
  const med = numberAt(path, "metric");
  const extended = textAt(path, "extendedCommunity", "string") ?? "";
  const bandwidth = /^LB:\d+:(\d+)/.exec(extended)?.[1];
  const words = (...names: readonly string[]) =>
    (textAt(path, ...names) ?? "").split(" ").filter(Boolean);
  const asPath = textAt(path, "aspath", "string") ?? "";
  return {
    asPath: asPath === "Local" ? "" : asPath,
    nextHops: listAt(path, "nexthops").flatMap((hop) => textAt(hop, "ip") ?? []),
    origin: (textAt(path, "origin") ?? "").toLowerCase(),
    ...(localPref !== undefined && { localPref }),
    ...(med !== undefined && { med }),
    communities: numericCommunities(words("community", "string")),
    largeCommunities: words("largeCommunity", "string"),
    ...(bandwidth !== undefined && { linkBandwidth: Number(bandwidth) }),
    extendedCommunities: extended,
    isStale: booleanAt(path, "stale") ?? false,
  };
}
