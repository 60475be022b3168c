import type { Lab } from "../../../lab/lab.ts";
import type { Probe } from "../../../lab/probe.ts";
import {
  type LogEntry,
  monitorFollows,
  readKernelRoutes,
  readRouterLog,
} from "../../../lab/route-log.ts";
import { scenario } from "../../../lab/scenario.ts";
import { type Account, settle } from "../../../lab/sights/account.ts";
import { kernelGateways } from "../../../lab/sights/routes.ts";
import { mustSee } from "../../../lab/sights/sight.ts";
import { pause, waitFor } from "../../../lab/wait.ts";

const { serviceAddress } = scenario;
/** Fewer say nothing about an event. */
const fewestRequests = 500;
const timeoutMs = 1_000;
/** What a late reaction would lose shows a moment later. */
const settleMs = 2_000;

/** An event under the stream: the requests, and what the router has to say. */
export interface Watched extends Account {
  readonly fromMs: number;
  readonly log: readonly LogEntry[];
}

/**
 * The client's requests to the scenario's Service, each a new connection, from the first event to
 * the last: so no two of them have the same source port.
 */
export class Stream {
  readonly #lab: Lab;
  readonly #probe: Probe;

  private constructor(lab: Lab, probe: Probe) {
    this.#lab = lab;
    this.#probe = probe;
  }

  static async start(lab: Lab): Promise<Stream> {
    const url = `http://${serviceAddress}/`;
    return new Stream(lab, await lab.probe({ url, concurrency: 4, intervalMs: 25, timeoutMs }));
  }

  /**
   * Lets `event` happen and resolves when its requests are over, of which there are enough.
   *
   * @param event gets the time from which the router's logs tell of it, in milliseconds since the epoch
   */
  async during(event: (fromMs: number) => Promise<void>): Promise<Watched> {
    const { router } = this.#lab.topology;
    const start = await kernelGateways(this.#lab, serviceAddress);
    mustSee(start !== undefined, `the kernel has no route to ${serviceAddress}`);
    const fromMs = Date.now();
    await event(fromMs);
    await pause(settleMs);
    await waitFor(async () => (await this.#sentSince(fromMs)) >= fewestRequests || undefined, {
      what: `${fewestRequests} requests across the event`,
      timeoutMs: 30_000,
      intervalMs: 500,
    });
    const toMs = Date.now();
    await pause(timeoutMs + 500);
    await monitorFollows(router);
    const changes = await readKernelRoutes(router, serviceAddress, fromMs);
    const log = await readRouterLog(router, fromMs);
    const results = await this.#probe.soFar();
    return { ...settle(results, start, changes, { fromMs, toMs }), fromMs, log };
  }

  async stop(): Promise<void> {
    await this.#probe.finish();
  }

  async #sentSince(fromMs: number): Promise<number> {
    return (await this.#probe.soFar()).filter(({ startMs }) => startMs >= fromMs).length;
  }
}
