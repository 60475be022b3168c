import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { LoopTurns } from "../../src/runtime/loop-turns.ts";

/** Returns the seconds that it took: more, where the machine has other things to do. */
function beBusy(forMs: number): number {
  const startMs = performance.now();
  while (performance.now() < startMs + forMs);
  return (performance.now() - startMs) / 1_000;
}

function pause(forMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, forMs);
  });
}

test("a turn counts with what it does for timers, and the time in which it waits does not", async () => {
  const turns = new LoopTurns();
  turns.start();
  await pause(0);
  turns.take();
  const busySeconds = beBusy(60);
  await pause(300);
  const { max } = turns.take();
  assert.ok(max >= 0.06 && max < busySeconds + 0.24, `${max} s`);
});

test("a turn counts with what it does for sockets", async () => {
  const received = Promise.withResolvers<undefined>();
  const server = createServer((socket: Socket) => {
    socket.on("data", () => {
      beBusy(60);
      socket.destroy();
      received.resolve(undefined);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const turns = new LoopTurns();
  turns.start();
  const client = spawn(process.execPath, [
    "-e",
    `require("node:net").connect(${port}, "127.0.0.1").write("x")`,
  ]);
  await received.promise;
  await pause(10);
  server.close();
  client.kill();
  assert.ok(turns.take().max >= 0.06);
});

test("measuring makes no turn", async () => {
  const turns = new LoopTurns();
  turns.start();
  await pause(20);
  const before = performance.nodeTiming.uvMetricsInfo.loopCount;
  await pause(200);
  const count = performance.nodeTiming.uvMetricsInfo.loopCount - before;
  assert.ok(count < 10, `${count} turns`);
});

test("where no turn was measured, all figures are 0", () => {
  const figures = new LoopTurns().take();
  assert.deepEqual(Object.values(figures), [0, 0, 0, 0, 0, 0, 0]);
});
