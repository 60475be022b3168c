import type { Lab } from "../../../lab/lab.ts";
import { configure } from "../../../lab/namespaces.ts";
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
import { pause } from "../../../lab/wait.ts";

const { serviceAddress } = scenario;
const timeoutMs = 1_000;
/** What a late reaction would lose shows by then, after the routes are as they stay. */
const tailMs = 3_000;
/**
 * Each asks once a second: one whose request is lost is missing among the others until it times
 * out. With a few clients all would wait for a node that is dead, and nobody ask at the moment that counts.
 */
const clients = 200;
/** Beside the client's own: the ports of one address last for five minutes. */
const otherAddress = "172.16.9.12";

/** An event under the stream: the requests, and what the router has to say. */
export interface Watched extends Account {
  readonly fromMs: number;
  /** Of those sent, how many began before the event was over. */
  readonly sentMeanwhile: number;
  readonly log: readonly LogEntry[];
}

/**
 * The client's requests to the scenario's Service, each a new connection, from the first event to
 * the last: so no two of them have the same source address and port.
 */
export class Stream {
  readonly #lab: Lab;
  readonly #probe: Probe;

  private constructor(lab: Lab, probe: Probe) {
    this.#lab = lab;
    this.#probe = probe;
  }

  static async start(lab: Lab): Promise<Stream> {
    await configure(lab.topology.client, [`addr replace ${otherAddress}/24 dev eth0`]);
    const probe = await lab.probe({
      url: `http://${serviceAddress}/`,
      concurrency: clients,
      intervalMs: 1_000,
      timeoutMs,
      addresses: [scenario.clientAddress, otherAddress],
    });
    return new Stream(lab, probe);
  }

  /**
   * Lets `event` happen, to the end of which the routes are as they stay, and resolves when the
   * requests are over that began meanwhile and in the tail.
   *
   * @param event gets the time from which the router's logs tell of it, in milliseconds since the epoch
   */
  async during(event: (fromMs: number) => Promise<void>): Promise<Watched> {
    const { router } = this.#lab.topology;
    const start = await kernelGateways(this.#lab, serviceAddress);
    mustSee(start !== undefined, `the kernel has no route to ${serviceAddress}`);
    const fromMs = Date.now();
    await event(fromMs);
    const overMs = Date.now();
    await pause(tailMs);
    const toMs = Date.now();
    await pause(timeoutMs + 500);
    await monitorFollows(router);
    const changes = await readKernelRoutes(router, serviceAddress, fromMs);
    const log = await readRouterLog(router, fromMs);
    const results = await this.#probe.soFar();
    const begun = results.filter(({ startMs }) => startMs >= fromMs && startMs <= overMs);
    const account = settle(results, start, changes, { fromMs, toMs });
    return { ...account, fromMs, sentMeanwhile: begun.length, log };
  }

  async stop(): Promise<void> {
    await this.#probe.finish();
  }
}
