import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../../src/cluster/service.ts";
import { finish } from "../../../src/cluster/steps.ts";
import { allocate } from "../../../src/controller/allocate.ts";
import { ServiceWriter } from "../../../src/controller/shell/service-writer.ts";
import type { KubeApi, KubeObject } from "../../../src/kube/client.ts";
import { EventRecorder } from "../../../src/kube/events.ts";
import { Store } from "../../../src/kube/store.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { recordingLogger } from "../../support/recording-logger.ts";
import { ask, pool, service, snapshot, withStatus } from "../fixtures.ts";

const notCalled = () => Promise.reject(new Error("nothing is written here"));
const api: KubeApi = {
  list: notCalled,
  watch: notCalled,
  get: notCalled,
  create: notCalled,
  update: notCalled,
  patch: notCalled,
  remove: notCalled,
};
const pools = [pool("p", ["10.0.0.0/24"]), pool("q", ["10.0.1.0/24"])];

function setUp(present: Service, patch: KubeApi["patch"] = notCalled) {
  const store = new Store<Service>();
  store.replace(new Map([[present.key, present]]), "1");
  const clock = new ManualClock();
  const options = { api: { ...api, patch }, clock, random: () => 0, logger: recordingLogger() };
  const writer = new ServiceWriter({
    ...options,
    store,
    recorder: new EventRecorder({ ...options, component: "test", host: "test" }),
    leads: () => true,
    onAssigned: () => undefined,
    wake: () => undefined,
  });
  return { store, writer };
}

/** How many writes wait when `decided` was decided about and the Store holds `present` by then. */
function writesFor(decided: Service, present: Service): number {
  const { writer } = setUp(present);
  const { services, ...rest } = snapshot(pools, [decided]);
  finish(writer.applySteps(services, allocate({ ...rest, services }), 0));
  return writer.size;
}

test("what was decided is not written to a Service that asks for something else by then", () => {
  const decided = service("a");
  const newer = { resourceVersion: "2" };
  assert.equal(writesFor(decided, decided), 1);
  const other = { "routelb.io/address-pool": "q" };
  assert.equal(writesFor(decided, ask("a", other, newer)), 0);
  assert.equal(writesFor(decided, service("a", { ...newer, uid: "of a new Service" })), 0);
  assert.equal(writesFor(decided, service("a", { ...newer, type: "ClusterIP" })), 0);
});

test("what was decided is written to a Service of which only the status is another by then", () => {
  const newer = service("a", { resourceVersion: "2" });
  assert.equal(writesFor(service("a"), newer), 1);
  assert.equal(writesFor(service("a"), withStatus(newer, "10.0.0.77")), 1);
});

test("a pass while a write is on its way asks for the same again, and nothing of that stays", async () => {
  const before = withStatus(service("a"), "10.0.0.7");
  const { promise: answer, resolve } = Promise.withResolvers<KubeObject>();
  let patches = 0;
  const { store, writer } = setUp(before, () => {
    patches += 1;
    return answer;
  });
  const stop = new AbortController();
  const run = writer.run(stop.signal);
  const { services, ...rest } = snapshot(pools, [before]);
  const decided = allocate({ ...rest, services });
  finish(writer.applySteps(services, decided, 0));
  finish(writer.applySteps(services, decided, 0));
  assert.ok(writer.hasWrite(before.key));
  const after: Service = { ...before, resourceVersion: "2" };
  store.replace(new Map([[after.key, after]]), "2");
  const { name, namespace, uid, resourceVersion } = after;
  resolve({ metadata: { name, namespace, uid, resourceVersion } });
  await new Promise(setImmediate);
  assert.equal(writer.hasWrite(before.key), false);
  assert.deepEqual([patches, writer.size], [1, 0]);
  stop.abort();
  await run;
});
