/**
 * The thread that BFD runs in: on the main thread, a long JSON.parse makes a session of 3 x 50 ms
 * flap (measured: 15 flaps in 15 s, none here).
 */
import { type MessagePort, parentPort } from "node:worker_threads";
import { BfdEngine, type BfdStateChange, type BfdStatus } from "./engine.ts";
import type { BfdClock, BfdPeer } from "./ports.ts";
import { udpTransport } from "./sockets.ts";

export type ToBfdWorker =
  | { readonly type: "set-peers"; readonly peers: readonly BfdPeer[] }
  | { readonly type: "admin-down"; readonly key: string }
  | { readonly type: "report" }
  | { readonly type: "close" };

export type FromBfdWorker =
  | { readonly type: "changed"; readonly change: BfdStateChange }
  | { readonly type: "failed"; readonly key: string; readonly message: string }
  | {
      readonly type: "report";
      readonly statuses: readonly BfdStatus[];
      readonly discarded: Readonly<Record<string, number>>;
    };

const clock: BfdClock = {
  now: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

function serve(port: MessagePort): void {
  const tell = (message: FromBfdWorker): void => port.postMessage(message);
  const fail = (key: string, error: unknown): void =>
    tell({ type: "failed", key, message: error instanceof Error ? error.message : String(error) });
  const engine = new BfdEngine({
    clock,
    transport: udpTransport(Math.random, (error) => fail("", error)),
    random: Math.random,
    onChange: (change) => tell({ type: "changed", change }),
    onError: fail,
  });
  port.on("message", (message: ToBfdWorker) => {
    switch (message.type) {
      case "set-peers":
        engine.setPeers(message.peers);
        return;
      case "admin-down":
        engine.adminDown(message.key);
        return;
      case "report":
        tell({ type: "report", statuses: engine.statuses(), discarded: engine.discarded() });
        return;
      case "close":
        engine.close();
        port.close();
    }
  });
}

if (parentPort !== null) {
  serve(parentPort);
}
