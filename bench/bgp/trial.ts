import { namespaceProcesses } from "../../lab/namespaces.ts";
import { waitFor } from "../../lab/wait.ts";
import { cpuMs, kernelPrefixes, median, peakRssMegabytes, whenTrue } from "./measure.ts";
import type { Link } from "./place.ts";
import type { Receiver, ReceiverKind } from "./receiver.ts";
import type { RunningSender, Sender } from "./sender.ts";

/** What one trial measured; absent: not within the limit, or not asked for. Times in milliseconds. */
export interface Trial {
  /** From Established, by the router's log, to all routes in its table, and in its kernel. */
  readonly tableMs?: number;
  readonly kernelMs?: number;
  /** From Established to End-of-RIB, both by the router's log; absent if the table was not full then. */
  readonly endOfRibMs?: number;
  /** From the command to none in the table, and in the kernel. */
  readonly withdrawTableMs?: number;
  readonly withdrawKernelMs?: number;
  /** From the command to the change of one route in the table, and in the kernel: medians. */
  readonly changeTableMs?: number;
  readonly changeKernelMs?: number;
  /** Of the sender, from the command to connect to all routes in the router's kernel. */
  readonly cpuMs?: number;
  readonly peakRssMegabytes?: number;
}

interface Moments {
  /** The answer that named all of them, and when the last question was asked whose answer did not. */
  readonly table?: number;
  readonly lastShort: number;
  readonly kernel?: number;
}

export interface TrialOptions {
  readonly count: number;
  /** Changes of one route to measure while all are held. */
  readonly changes: number;
  readonly limitMs: number;
}

/** A router with the kernel's routes that were there before any session. */
export class RouterUnderLoad implements AsyncDisposable {
  readonly name: string;
  readonly #receiver: Receiver;
  readonly #pid: number;
  readonly #ownPrefixes: number;

  private constructor(name: string, receiver: Receiver, pid: number, ownPrefixes: number) {
    this.name = name;
    this.#receiver = receiver;
    this.#pid = pid;
    this.#ownPrefixes = ownPrefixes;
  }

  static async start(kind: ReceiverKind, link: Link): Promise<RouterUnderLoad> {
    const receiver = await kind.start(await link.place(link.router));
    const [pid] = await namespaceProcesses(link.router);
    if (pid === undefined) {
      throw new Error("no process in the router's namespace");
    }
    return new RouterUnderLoad(kind.name, receiver, pid, await kernelPrefixes(pid));
  }

  /** One session of a fresh sender, from the start to the end. */
  async measure(sender: Sender, link: Link, options: TrialOptions): Promise<Trial> {
    await waitFor(async () => (await this.#isEmpty()) || undefined, {
      what: `${this.name} listens and has no route of an earlier sender`,
      timeoutMs: 120_000,
    });
    await using running = await sender.start(await link.place(link.sender), options.count);
    const advertised = await this.#advertise(running, options);
    if (advertised.tableMs === undefined) {
      return advertised;
    }
    const changed = await this.#change(running, options);
    const memory = { peakRssMegabytes: await peakRssMegabytes(running.pids) };
    const startMs = Date.now();
    const command = running.withdrawAll();
    const { table, kernel } = await this.#reach(0, options.limitMs);
    await command;
    return {
      ...advertised,
      ...changed,
      ...memory,
      ...(table !== undefined && { withdrawTableMs: table - startMs }),
      ...(kernel !== undefined && { withdrawKernelMs: kernel - startMs }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver[Symbol.asyncDispose]();
  }

  async #advertise(running: RunningSender, { count, limitMs }: TrialOptions): Promise<Trial> {
    const cpuBefore = await cpuMs(running.pids);
    await running.connect();
    const { table, kernel, lastShort } = await this.#reach(count, limitMs);
    const { establishedMs: upMs, endOfRibMs } = await this.#receiver.moments();
    const cpu = (await cpuMs(running.pids)) - cpuBefore;
    if (upMs === undefined) {
      throw new Error(`${this.name}'s log does not say that the session came up`);
    }
    const wasFull = endOfRibMs !== undefined && table !== undefined && lastShort <= endOfRibMs;
    return {
      cpuMs: cpu,
      ...(table !== undefined && { tableMs: table - upMs }),
      ...(wasFull && { endOfRibMs: endOfRibMs - upMs }),
      ...(kernel !== undefined && { kernelMs: kernel - upMs }),
    };
  }

  /** Takes one route away and brings it back, in turns. */
  async #change(running: RunningSender, options: TrialOptions): Promise<Trial> {
    const { count, changes, limitMs } = options;
    const tableMs: number[] = [];
    const kernelMs: number[] = [];
    for (let change = 0; change < changes; change += 1) {
      const isPresent = change % 2 === 1;
      const startMs = Date.now();
      const command = running.change(isPresent);
      const { table, kernel } = await this.#reach(isPresent ? count : count - 1, limitMs);
      await command;
      if (table === undefined || kernel === undefined) {
        return {};
      }
      tableMs.push(table - startMs);
      kernelMs.push(kernel - startMs);
    }
    return changes === 0
      ? {}
      : { changeTableMs: median(tableMs), changeKernelMs: median(kernelMs) };
  }

  /** When the table, and then the kernel, first had just this many routes. */
  async #reach(count: number, limitMs: number): Promise<Moments> {
    let kernel: number | undefined;
    let table: number | undefined;
    let lastShort = Date.now();
    await whenTrue(async () => {
      if (table === undefined) {
        const askedMs = Date.now();
        if ((await this.#receiver.routes()) === count) {
          table = Date.now();
        } else {
          lastShort = askedMs;
        }
      }
      if (table !== undefined && (await this.#kernelRoutes()) === count) {
        kernel = Date.now();
      }
      return kernel !== undefined;
    }, limitMs);
    return {
      lastShort,
      ...(table !== undefined && { table }),
      ...(kernel !== undefined && { kernel }),
    };
  }

  async #isEmpty(): Promise<boolean> {
    const routes = (await this.#receiver.routes()) + (await this.#kernelRoutes());
    return routes === 0 && (await this.#receiver.isListening());
  }

  async #kernelRoutes(): Promise<number> {
    return (await kernelPrefixes(this.#pid)) - this.#ownPrefixes;
  }
}
