import { tellsOfSession } from "../../../lab/route-log.ts";
import type { ScenarioNode } from "../../../lab/scenario.ts";
import { mustSee } from "../../../lab/sights/sight.ts";
import type { Cluster } from "../cluster.ts";
import type { Watched } from "./stream.ts";

/** Something that happens to a cluster while a client goes on with its requests. */
export interface Scenario {
  readonly title: string;
  /** Which losses are a failure; all are reported. */
  readonly promise: Promised;
  /** Before the requests are counted. */
  readonly prepare?: (cluster: Cluster) => Promise<void>;
  /** Resolves when all is over, with what was seen besides. */
  readonly happen: (cluster: Cluster, fromMs: number) => Promise<string>;
  /** @throws NotSeenError if neither the router's log nor its route monitor tells of it */
  readonly seenBy: (watched: Watched) => void;
  readonly restore?: (cluster: Cluster) => Promise<void>;
}

/**
 * `nothing-new`: planned; the only requests that may fail are those whose connection stood as a route changed.
 * `nothing-after`: a failure; none that begins after the route changed may fail.
 * `reported`: nothing is promised.
 */
export type Promised = "nothing-new" | "nothing-after" | "reported";

/** Fails unless the router's log has, for each of `nodes`, its session go down and come up. */
export function sessionsRestarted({ log }: Watched, nodes: readonly ScenarioNode[]): void {
  for (const { name, address } of nodes) {
    mustSee(
      tellsOfSession(log, address, "Down") && tellsOfSession(log, address, "Up"),
      `the router's log does not tell that the session with ${name} ended and began again`,
    );
  }
}

/** Fails unless the monitor had the next hop leave, and come back, for each of `nodes`. */
export function nextHopsLeftAndCame({ nextHops }: Watched, nodes: readonly ScenarioNode[]): void {
  for (const { name, address } of nodes) {
    const left = nextHops.findIndex(({ gateways }) => !gateways.includes(address));
    mustSee(left >= 0, `the next hop ${name} never left the kernel's route`);
    mustSee(
      nextHops.slice(left).some(({ gateways }) => gateways.includes(address)),
      `the next hop ${name} did not come back`,
    );
  }
}

export function noNextHopChanged({ nextHops }: Watched): void {
  mustSee(nextHops.length === 1, `the kernel's route changed ${nextHops.length - 1} times`);
}
