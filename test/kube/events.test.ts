import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { finish } from "../../src/cluster/steps.ts";
import {
  type KubeApi,
  KubeError,
  type KubeObject,
  type ObjectPath,
} from "../../src/kube/client.ts";
import type { EventNote } from "../../src/kube/event-note.ts";
import { EventRecorder } from "../../src/kube/events.ts";
import { recordOf } from "../../src/kube/json.ts";
import type { Resource } from "../../src/kube/resource.ts";
import { kubeObjectOf } from "../../src/kube/watch-lines.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { recordingLogger } from "../support/recording-logger.ts";

function note(name: string, reason: string, message = "because"): EventNote {
  const subject = { apiVersion: "v1", kind: "Service", namespace: "web", name, uid: `UID-${name}` };
  return { subject, type: "Warning", reason, message };
}

/** Keeps Events as an API server does: creates once, merges patches, forgets on demand. */
function eventServer() {
  const events = new Map<string, KubeObject>();
  const calls: string[] = [];
  let failure: (() => Error) | undefined;
  const refuse = () => Promise.reject(new Error("not used"));
  const take = (call: string) => {
    calls.push(call);
    if (failure !== undefined) {
      throw failure();
    }
  };
  const api: KubeApi = {
    list: refuse,
    watch: refuse,
    get: refuse,
    update: refuse,
    remove: refuse,
    create: async (resource: Resource, namespace: string | undefined, body: object) => {
      const event = kubeObjectOf(body);
      take(`create ${namespace}/${resource.plural}`);
      if (events.has(event.metadata.name)) {
        throw new KubeError(409, "AlreadyExists", "there is one");
      }
      events.set(event.metadata.name, event);
      return event;
    },
    patch: async (path: ObjectPath, _type: string, body: object) => {
      take("patch");
      const event = events.get(path.name);
      if (event === undefined) {
        throw new KubeError(404, "NotFound", "there is none");
      }
      const patched = { ...event, ...body };
      events.set(path.name, patched);
      return patched;
    },
  };
  const failWith = (error: (() => Error) | undefined) => {
    failure = error;
  };
  return { api, events, calls, failWith };
}

function setUp(t: TestContext, server = eventServer(), clock = new ManualClock()) {
  const logger = recordingLogger();
  const recorder = new EventRecorder({
    api: server.api,
    component: "routelb-controller",
    host: "node0",
    clock,
    random: () => 1,
    logger,
  });
  const stop = new AbortController();
  const ended = recorder.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await ended;
  });
  return { ...server, recorder, clock, logger };
}

/** Lets so much time pass in steps, and all that happens in between happen. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 50) {
    await new Promise(setImmediate);
    clock.advance(50);
    await new Promise(setImmediate);
  }
}

function setStanding(recorder: EventRecorder, notes: readonly EventNote[]): void {
  finish(recorder.standingSteps(notes));
}

function count(events: ReadonlyMap<string, KubeObject>, name: string): unknown {
  return events.get(name)?.["count"];
}

test("an Event is written as kubectl describe shows it", async (t) => {
  const { recorder, clock, events } = setUp(t);
  recorder.record(note("nginx", "AllocationFailed", "x".repeat(2_000)));
  await pass(clock, 100);
  const event = recordOf(events.get("uid-nginx.allocationfailed"));
  assert.deepEqual(
    { ...event, metadata: recordOf(event["metadata"])["namespace"] },
    {
      apiVersion: "v1",
      kind: "Event",
      metadata: "web",
      involvedObject: note("nginx", "").subject,
      type: "Warning",
      reason: "AllocationFailed",
      message: "x".repeat(1_024),
      source: { component: "routelb-controller", host: "node0" },
      reportingComponent: "routelb-controller",
      reportingInstance: "node0",
      firstTimestamp: "2026-01-01T00:00:00Z",
      lastTimestamp: "2026-01-01T00:00:00Z",
      count: 1,
    },
  );
});

test("an Event about a Node is in namespace default, with the UID that kubectl looks for", async (t) => {
  const { recorder, clock, events, calls } = setUp(t);
  const subject = { apiVersion: "v1", kind: "Node", name: "node1", uid: "abc" };
  recorder.record({ subject, type: "Normal", reason: "Draining", message: "" });
  await pass(clock, 100);
  assert.deepEqual(calls, ["create default/events"]);
  assert.equal(recordOf(events.get("abc.draining")?.["involvedObject"])["uid"], "node1");
});

test("a repeat raises the count, also after a restart, and creates anew what expired", async (t) => {
  const { recorder, clock, events, api, calls, failWith } = setUp(t);
  const name = "uid-nginx.ipallocated";
  recorder.record(note("nginx", "IPAllocated"));
  await pass(clock, 100);
  recorder.record(note("nginx", "IPAllocated", "again"));
  await pass(clock, 100);
  assert.equal(count(events, name), 2);
  assert.equal(events.get(name)?.["message"], "again");
  const second = setUp(t, { api, events, calls, failWith }, clock);
  second.recorder.record(note("nginx", "IPAllocated"));
  await pass(clock, 100);
  assert.equal(count(events, name), 3);
  assert.equal(events.size, 1);
  events.clear();
  second.recorder.record(note("nginx", "IPAllocated"));
  await pass(clock, 100);
  assert.equal(count(events, name), 1);
});

test("no more than 20 are written in a second, single ones first", async (t) => {
  const { recorder, clock, events } = setUp(t);
  setStanding(
    recorder,
    Array.from({ length: 100 }, (_, index) => note(`s${index}`, "NoAddress")),
  );
  recorder.record(note("late", "IPAllocated"));
  await pass(clock, 950);
  assert.equal(events.size, 20);
  assert.ok(events.has("uid-late.ipallocated"));
  await pass(clock, 5_000);
  assert.equal(events.size, 101);
});

test("what stands is written once, again when its message changes, and every 45 minutes", async (t) => {
  const { recorder, clock, events, calls } = setUp(t);
  const name = "uid-nginx.noaddress";
  for (let turn = 0; turn < 10; turn += 1) {
    setStanding(recorder, [note("nginx", "NoAddress", "pool full")]);
    await pass(clock, 1_000);
  }
  assert.deepEqual([count(events, name), calls.length], [1, 1]);
  setStanding(recorder, [note("nginx", "NoAddress", "no pool")]);
  await pass(clock, 1_000);
  assert.deepEqual([count(events, name), events.get(name)?.["message"]], [2, "no pool"]);
  clock.advance(46 * 60_000);
  await pass(clock, 60_000);
  assert.equal(count(events, name), 3);
  setStanding(recorder, []);
  clock.advance(3 * 60 * 60_000);
  await pass(clock, 60_000);
  assert.equal(count(events, name), 3);
});

test("a server that is away is tried again some times, and told of once", async (t) => {
  const { recorder, clock, events, calls, failWith, logger } = setUp(t);
  failWith(() => new KubeError(0, "", "unreachable"));
  recorder.record(note("a", "IPAllocated"));
  recorder.record(note("b", "IPAllocated"));
  await pass(clock, 3_000);
  failWith(undefined);
  await pass(clock, 60_000);
  assert.equal(events.size, 2);
  assert.equal(logger.lines.filter(({ level }) => level === "warn").length, 1);
  failWith(() => new KubeError(503, "", "away"));
  const before = calls.length;
  recorder.record(note("c", "IPAllocated"));
  await pass(clock, 600_000);
  assert.equal(calls.length - before, 5);
});

test("what the server refuses for good is dropped and holds up nothing", async (t) => {
  const { recorder, clock, events, calls, failWith } = setUp(t);
  failWith(() => new KubeError(403, "Forbidden", "the namespace ends"));
  recorder.record(note("a", "IPAllocated"));
  await pass(clock, 100);
  failWith(undefined);
  recorder.record(note("b", "IPAllocated"));
  await pass(clock, 100);
  assert.equal(calls.length, 2);
  assert.deepEqual([...events.keys()], ["uid-b.ipallocated"]);
});
