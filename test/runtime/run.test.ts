import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { type Loop, runLoops, runProcess } from "../../src/runtime/run.ts";
import { recordingLogger } from "../support/recording-logger.ts";

/** Runs until its signal aborts, and notes that it ended. */
function steady(name: string, ended: string[]): Loop {
  return {
    name,
    run: (signal) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          ended.push(name);
          resolve();
        });
      }),
  };
}

test("loops run until they are told to end", async () => {
  const ended: string[] = [];
  const stop = new AbortController();
  const run = runLoops([steady("a", ended), steady("b", ended)], stop.signal);
  stop.abort();
  await run;
  assert.deepEqual(ended, ["a", "b"]);
});

test("the first loop to fail ends the others, and is the error", async () => {
  const ended: string[] = [];
  const failing = { name: "odd", run: () => Promise.reject(new Error("broken")) };
  const run = runLoops([steady("a", ended), failing], new AbortController().signal);
  await assert.rejects(run, (error) => {
    assert.ok(error instanceof Error && error.cause instanceof Error);
    assert.deepEqual([error.message, error.cause.message], ["odd ended", "broken"]);
    return true;
  });
  assert.deepEqual(ended, ["a"]);
});

test("a loop that ends by itself counts as failed", async () => {
  const ended: string[] = [];
  const short = { name: "short", run: () => Promise.resolve() };
  await assert.rejects(
    runLoops([steady("a", ended), short], new AbortController().signal),
    /short/,
  );
  assert.deepEqual(ended, ["a"]);
});

test("what fails while it ends is not the error", async () => {
  const stop = new AbortController();
  const late: Loop = {
    name: "late",
    run: (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("cut off")));
      }),
  };
  const run = runLoops([late], stop.signal);
  stop.abort();
  await run;
});

class FakeProcess extends EventEmitter {
  readonly codes: number[] = [];

  exit(code: number): void {
    this.codes.push(code);
  }
}

test("SIGTERM tells the program to end, and it ends with 0", async () => {
  const port = new FakeProcess();
  const run = runProcess(
    (signal) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve());
      }),
    recordingLogger(),
    port,
  );
  port.emit("SIGTERM");
  port.emit("SIGTERM");
  await run;
  assert.deepEqual(port.codes, [0]);
});

test("a program that fails ends with 1 and says why", async () => {
  const port = new FakeProcess();
  const logger = recordingLogger();
  await runProcess(() => Promise.reject(new Error("no kubeconfig")), logger, port);
  assert.deepEqual(port.codes, [1]);
  assert.equal(logger.lines[0]?.level, "error");
});

test("a second interrupt ends at once", () => {
  const port = new FakeProcess();
  void runProcess(() => new Promise(() => {}), recordingLogger(), port);
  port.emit("SIGINT");
  assert.deepEqual(port.codes, []);
  port.emit("SIGINT");
  assert.deepEqual(port.codes, [130]);
});
