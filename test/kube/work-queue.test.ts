import assert from "node:assert/strict";
import { test } from "node:test";
import { WorkQueue, type WorkQueueOptions } from "../../src/kube/work-queue.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** A queue whose work is ended by the test. */
function setUp(options: Partial<WorkQueueOptions> = {}) {
  const clock = new ManualClock();
  const started: string[] = [];
  const failed: string[] = [];
  const running = new Map<string, PromiseWithResolvers<void>>();
  const queue = new WorkQueue({
    work: (key) => {
      started.push(key);
      const work = Promise.withResolvers<void>();
      running.set(key, work);
      return work.promise;
    },
    onFailure: (key) => failed.push(key),
    concurrency: 1,
    clock,
    random: () => 1,
    ...options,
  });
  const end = async (key: string, error?: Error) => {
    const work = running.get(key);
    assert.ok(work !== undefined, `${key} is not being worked on`);
    running.delete(key);
    if (error === undefined) {
      work.resolve();
    } else {
      work.reject(error);
    }
    await new Promise(setImmediate);
  };
  const stop = new AbortController();
  return { queue, clock, started, failed, end, stop, ended: () => queue.run(stop.signal) };
}

test("a key has one turn however often it was added before", async () => {
  const { queue, started, end, ended } = setUp();
  queue.add("a");
  queue.add("a");
  queue.add("b");
  void ended();
  await end("a");
  await end("b");
  assert.deepEqual(started, ["a", "b"]);
  assert.equal(queue.size, 0);
});

test("a key that is added during its turn has one more after it, never two at once", async () => {
  const { queue, started, end, ended } = setUp({ concurrency: 3 });
  void ended();
  queue.add("a");
  queue.add("a");
  queue.add("a");
  assert.deepEqual(started, ["a"]);
  await end("a");
  assert.deepEqual(started, ["a", "a"]);
  await end("a");
  assert.deepEqual(started, ["a", "a"]);
});

test("the urgent lane goes first, and takes a key over from the other", async () => {
  const { queue, started, end, ended } = setUp();
  void ended();
  for (const key of ["a", "b", "c", "d"]) {
    queue.add(key);
  }
  queue.add("d", "urgent");
  queue.add("d");
  for (const key of ["a", "d", "b", "c"]) {
    await end(key);
  }
  assert.deepEqual(started, ["a", "d", "b", "c"]);
});

test("no more keys than the concurrency are worked on", async () => {
  const { queue, started, end, ended } = setUp({ concurrency: 2 });
  void ended();
  for (const key of ["a", "b", "c"]) {
    queue.add(key);
  }
  assert.deepEqual(started, ["a", "b"]);
  await end("b");
  assert.deepEqual(started, ["a", "b", "c"]);
});

test("a failed key comes again with growing delays, and adding it does not hurry it", async () => {
  const { queue, clock, started, failed, end, ended } = setUp();
  void ended();
  queue.add("a");
  await end("a", new Error("no"));
  queue.add("a");
  assert.equal(started.length, 1);
  clock.advance(199);
  assert.equal(started.length, 1);
  clock.advance(1);
  await end("a", new Error("no"));
  clock.advance(399);
  assert.equal(started.length, 2);
  clock.advance(1);
  await end("a");
  assert.deepEqual(failed, ["a", "a"]);
  queue.add("a");
  await end("a", new Error("no"));
  clock.advance(200);
  assert.equal(started.length, 5, "a success forgets the failures");
});

test("an urgent key does not wait for its delay", async () => {
  const { queue, clock, started, end, ended } = setUp();
  void ended();
  queue.add("a");
  await end("a", new Error("no"));
  queue.add("a", "urgent");
  await end("a");
  clock.advance(60_000);
  assert.equal(started.length, 2);
});

test("what the server asks for is waited for", async () => {
  const { queue, clock, started, end, ended } = setUp({ retryAfterMs: () => 5_000 });
  void ended();
  queue.add("a");
  await end("a", new Error("429"));
  clock.advance(4_999);
  assert.equal(started.length, 1);
  clock.advance(1);
  assert.equal(started.length, 2);
});

test("a forgotten key has no turn", async () => {
  const { queue, clock, started, end, ended } = setUp();
  void ended();
  queue.add("a");
  queue.add("b");
  queue.forget("b");
  await end("a", new Error("no"));
  queue.forget("a");
  clock.advance(60_000);
  assert.deepEqual(started, ["a"]);
  assert.equal(queue.size, 0);
});

test("it ends when told to, after the work that runs", async () => {
  const { queue, clock, started, end, ended, stop } = setUp({ concurrency: 2 });
  const run = ended();
  queue.add("a");
  queue.add("b");
  queue.add("c");
  await end("b", new Error("no"));
  stop.abort();
  const runs = () => Promise.race([run, Promise.resolve("it runs")]);
  await end("c");
  assert.equal(await runs(), "it runs");
  await end("a");
  assert.equal(await runs(), undefined);
  clock.advance(60_000);
  assert.deepEqual(started, ["a", "b", "c"]);
});

test("what fails in the spare lane comes again there, or where it is added meanwhile", async () => {
  const { queue, clock, started, end, ended } = setUp({ concurrency: 3 });
  void ended();
  queue.add("s1", "spare");
  queue.add("s2", "spare");
  await end("s1", new Error("no"));
  assert.deepEqual(started, ["s1", "s2"]);
  assert.equal(queue.pressing, 0);
  clock.advance(60_000);
  assert.deepEqual(started, ["s1", "s2"], "the other one has the only turn");
  await end("s2");
  clock.advance(60_000);
  assert.deepEqual(started, ["s1", "s2", "s1"]);
  await end("s1", new Error("no"));
  queue.add("s3", "spare");
  clock.advance(1_000);
  assert.deepEqual(started.slice(3), ["s3"]);
  queue.add("s1");
  assert.equal(queue.pressing, 1, "what waits for its retry is pressing now");
  clock.advance(60_000);
  assert.deepEqual(started.slice(3), ["s3", "s1"]);
});

test("what is not of the spare lane is pressing: it waits, is worked on, or comes again", async () => {
  const { queue, end, ended } = setUp({ concurrency: 2 });
  for (const key of ["s1", "s2", "s3"]) {
    queue.add(key, "spare");
  }
  queue.add("n1");
  void ended();
  assert.deepEqual([queue.size, queue.pressing], [4, 1]);
  queue.add("u1", "urgent");
  assert.deepEqual([queue.size, queue.pressing], [5, 2]);
  await end("n1", new Error("no"));
  assert.deepEqual([queue.size, queue.pressing], [5, 2]);
  await end("u1");
  assert.deepEqual([queue.size, queue.pressing], [4, 1]);
});

test("the spare lane rests after a turn for as long as that took, and no other lane does", async () => {
  const { queue, clock, started, end, ended, stop } = setUp({ concurrency: 3 });
  const run = ended();
  queue.add("s1", "spare");
  queue.add("s2", "spare");
  clock.advance(40);
  await end("s1");
  clock.advance(39);
  queue.add("n1");
  queue.add("u1", "urgent");
  assert.deepEqual(started, ["s1", "n1", "u1"]);
  clock.advance(1);
  assert.deepEqual(started, ["s1", "n1", "u1", "s2"]);
  await end("n1");
  await end("u1");
  clock.advance(10);
  await end("s2");
  stop.abort();
  await run;
  assert.deepEqual(clock.delays, [], "it ends in its rest");
});

test("the rest of the spare lane is a second at most, and none after a turn that did nothing", async () => {
  const { queue, clock, started, end, ended } = setUp();
  void ended();
  for (const key of ["s1", "s2", "s3"]) {
    queue.add(key, "spare");
  }
  clock.advance(30_000);
  await end("s1");
  assert.deepEqual(clock.delays, [1_000]);
  clock.advance(1_000);
  await end("s2");
  assert.deepEqual(started, ["s1", "s2", "s3"]);
});

test("the spare lane has a turn when the others are empty, and one at a time", async () => {
  const { queue, started, end, ended } = setUp({ concurrency: 3 });
  for (const key of ["s1", "s2", "s3"]) {
    queue.add(key, "spare");
  }
  queue.add("n1");
  void ended();
  assert.deepEqual(started, ["n1", "s1"]);
  queue.add("u1", "urgent");
  queue.add("n2");
  assert.deepEqual(started, ["n1", "s1", "u1"]);
  await end("s1");
  assert.deepEqual(started.slice(3), ["n2"], "and no spare one, while all turns are taken");
  await end("n1");
  assert.deepEqual(started.slice(4), ["s2"]);
  await end("n2");
  await end("u1");
  assert.deepEqual(started.slice(5), [], "one of the spare lane at a time");
  queue.add("s3");
  assert.deepEqual(started.slice(5), ["s3"], "what is added to a lane before has its turn there");
  queue.add("s3", "spare");
  await end("s2");
  await end("s3");
  assert.deepEqual(started.slice(6), ["s3"], "once more, for what came during its turn");
  await end("s3");
  assert.equal(queue.size, 0);
});
