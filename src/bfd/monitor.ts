import { Worker } from "node:worker_threads";
import type { BfdStateChange, BfdStatus } from "./engine.ts";
import type { BfdPeer } from "./ports.ts";
import type { FromBfdWorker, ToBfdWorker } from "./worker.ts";

export interface BfdMonitorOptions {
  /** Where worker.ts is: beside the bundle, or in the source tree. */
  readonly workerUrl: URL;
  readonly onChange: (change: BfdStateChange) => void;
  /** A session that cannot run (`key`), or a socket that failed (empty `key`). */
  readonly onFailure: (key: string, message: string) => void;
  /** The thread died, which only a bug can cause: the process should end, loudly. */
  readonly onDeath: (error: Error) => void;
}

/**
 * BFD for the main thread: hands the wanted sessions to the worker and brings back what changed.
 *
 * The worker starts with the first session and costs nothing before (19 MB, 70 ms).
 */
export class BfdMonitor {
  readonly #options: BfdMonitorOptions;
  #worker: Worker | undefined;
  /** What the worker was asked for and has not told yet. */
  #report: PromiseWithResolvers<readonly BfdStatus[]> | undefined;

  constructor(options: BfdMonitorOptions) {
    this.#options = options;
  }

  /** All sessions that shall exist (see BfdEngine.setPeers). */
  setPeers(peers: readonly BfdPeer[]): void {
    if (this.#worker === undefined && peers.length === 0) {
      return;
    }
    this.#tell({ type: "set-peers", peers });
  }

  /** Tells the peer that the session ends on purpose; before `close`, where nobody should notice. */
  adminDown(key: string): void {
    if (this.#worker !== undefined) {
      this.#tell({ type: "admin-down", key });
    }
  }

  /** Every session as it is now: the worker is asked. */
  async report(): Promise<readonly BfdStatus[]> {
    if (this.#worker === undefined) {
      return [];
    }
    this.#report ??= Promise.withResolvers();
    this.#tell({ type: "report" });
    return this.#report.promise;
  }

  /** Ends every session in silence in the worker's next turn; resolves when the thread has ended. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#endReport([]);
    if (worker !== undefined) {
      worker.removeAllListeners("exit");
      const ended = new Promise((resolve) => {
        worker.once("exit", resolve);
      });
      worker.postMessage({ type: "close" } satisfies ToBfdWorker);
      await ended;
    }
  }

  #tell(message: ToBfdWorker): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const worker = new Worker(this.#options.workerUrl);
    worker.on("message", (message: FromBfdWorker) => this.#hear(message));
    worker.on("error", (error) => {
      this.#options.onDeath(error instanceof Error ? error : new Error(String(error)));
    });
    worker.on("exit", (code) => {
      this.#options.onDeath(new Error(`the BFD thread ended with code ${code}`));
    });
    return worker;
  }

  #hear(message: FromBfdWorker): void {
    switch (message.type) {
      case "changed":
        this.#options.onChange(message.change);
        return;
      case "failed":
        this.#options.onFailure(message.key, message.message);
        return;
      case "report":
        this.#endReport(message.statuses);
    }
  }

  #endReport(statuses: readonly BfdStatus[]): void {
    this.#report?.resolve(statuses);
    this.#report = undefined;
  }
}
