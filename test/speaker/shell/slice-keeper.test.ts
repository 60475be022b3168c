import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice, ReducedSlice } from "../../../src/cluster/endpoint.ts";
import type { Service } from "../../../src/cluster/service.ts";
import { Store } from "../../../src/kube/store.ts";
import { SliceKeeper, type SliceList } from "../../../src/speaker/shell/slice-keeper.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { recordingLogger } from "../../support/recording-logger.ts";
import { endpoint, service } from "../fixtures.ts";

const limits = { timeout: 10_000 };

function whole(name: string, serviceName: string): EndpointSlice {
  const serviceKey = `default/${serviceName}`;
  return { key: `default/${name}`, serviceKey, family: "ipv4", endpoints: [endpoint("node1")] };
}

function setUp(t: { after: (end: () => Promise<void>) => void }) {
  const services = new Store<Service>();
  const slices = new Store<ReducedSlice>();
  /** Missing in a list, and not released. */
  const held = new Map<string, Service>();
  const clock = new ManualClock();
  const asked: string[] = [];
  const answers: ((list: SliceList) => void)[] = [];
  const failures: ((error: Error) => void)[] = [];
  const keeper = new SliceKeeper({
    nodeName: "node1",
    services,
    serviceOf: (key) => services.entries.get(key) ?? held.get(key),
    slices,
    readSlices: ({ key }) => {
      asked.push(key);
      return new Promise((resolve, reject) => {
        answers.push(resolve);
        failures.push(reject);
      });
    },
    clock,
    random: () => 0,
    logger: recordingLogger(),
  });
  const stop = new AbortController();
  const running = keeper.run(stop.signal);
  t.after(async () => {
    stop.abort();
    for (const answer of answers) {
      answer({ slices: [], resourceVersion: "0" });
    }
    await running;
  });
  const arrive = (version: string, slice: EndpointSlice) =>
    slices.applyWatchEvent(slice.key, version, keeper.take(slice));
  const turn = () =>
    new Promise((resolve) => {
      setImmediate(resolve);
    });
  return { services, held, slices, clock, asked, answers, failures, arrive, turn };
}

test("only slices of Services that are there are kept", limits, async (t) => {
  const { services, slices, asked, arrive, turn } = setUp(t);
  services.replace(new Map([["default/a", service("a")]]), "1");
  slices.replace(new Map(), "1");
  arrive("2", whole("a-1", "a"));
  arrive("3", whole("b-1", "b"));
  await turn();
  assert.deepEqual([...slices.entries.keys()], ["default/a-1"]);
  assert.deepEqual(asked, []);
});

test(
  "a Service that comes after its slices has them listed; one that comes before has not",
  limits,
  async (t) => {
    const { services, slices, asked, answers, arrive, turn } = setUp(t);
    services.replace(new Map(), "1");
    slices.replace(new Map(), "1");
    arrive("2", whole("b-1", "b"));
    services.applyWatchEvent("default/c", "3", service("c"));
    services.applyWatchEvent("default/b", "4", service("b"));
    await turn();
    assert.deepEqual(asked, ["default/b"]);
    answers[0]?.({ slices: [whole("b-1", "b")], resourceVersion: "4" });
    await turn();
    assert.deepEqual([...slices.entries.keys()], ["default/b-1"]);
  },
);

test("what the watch says while a list is on its way counts more", limits, async (t) => {
  const { services, slices, answers, arrive, turn } = setUp(t);
  services.replace(new Map(), "1");
  slices.replace(new Map(), "1");
  for (const [index, name] of ["b-1", "b-2", "b-3"].entries()) {
    arrive(String(2 + index), whole(name, "b"));
  }
  services.applyWatchEvent("default/b", "6", service("b"));
  await turn();
  slices.applyWatchEvent("default/b-1", "8", undefined);
  const changed = { ...whole("b-2", "b"), endpoints: [] };
  arrive("9", changed);
  const list = ["b-1", "b-2", "b-3"].map((name) => whole(name, "b"));
  answers[0]?.({ slices: list, resourceVersion: "7" });
  await turn();
  assert.deepEqual([...slices.entries.keys()].toSorted(), ["default/b-2", "default/b-3"]);
  assert.deepEqual(slices.entries.get("default/b-2")?.local, []);
  arrive("5", { ...whole("b-3", "b"), endpoints: [] });
  assert.equal(slices.entries.get("default/b-3")?.local.length, 1);
});

test(
  "a Service that is no load balancer any more loses its slices as they change",
  limits,
  async (t) => {
    const { services, slices, arrive } = setUp(t);
    services.replace(new Map([["default/a", service("a")]]), "1");
    slices.replace(new Map(), "1");
    arrive("2", whole("a-1", "a"));
    services.applyWatchEvent("default/a", "3", undefined);
    arrive("4", whole("a-1", "a"));
    assert.equal(slices.entries.size, 0);
  },
);

test(
  "of a Cluster Service one node stands for all; when it becomes Local its slices are listed",
  limits,
  async (t) => {
    const { services, slices, asked, answers, arrive, turn } = setUp(t);
    const slice = {
      ...whole("web-abcde", "web"),
      endpoints: ["node3", "node1", "node2"].map((name) => endpoint(name)),
    };
    const kept = () => slices.entries.get("default/web-abcde")?.readyNodes;
    services.replace(new Map([["default/web", service("web")]]), "1");
    arrive("2", slice);
    assert.deepEqual(kept(), ["node1"]);
    const local = service("web", ["172.16.7.192"], { externalTrafficPolicy: "Local" });
    services.applyWatchEvent("default/web", "3", local);
    await turn();
    assert.deepEqual(asked, ["default/web"]);
    answers[0]?.({ slices: [slice], resourceVersion: "3" });
    await turn();
    assert.deepEqual(kept(), ["node1", "node2", "node3"]);
    services.applyWatchEvent("default/web", "4", { ...local, labels: { other: "label" } });
    await turn();
    assert.deepEqual(asked, ["default/web"]);
  },
);

test(
  "a Service that became Local while nobody watched has its slices listed, too",
  limits,
  async (t) => {
    const { services, asked, arrive, turn } = setUp(t);
    services.replace(new Map([["default/web", service("web")]]), "1");
    arrive("2", whole("web-abcde", "web"));
    const local = service("web", ["172.16.7.192"], { externalTrafficPolicy: "Local" });
    services.replace(new Map([["default/web", local]]), "9");
    await turn();
    assert.deepEqual(asked, ["default/web"]);
  },
);

const whereAll = {
  ...whole("web-abcde", "web"),
  endpoints: ["node3", "node1", "node2"].map((name) => endpoint(name)),
};
const localWeb = service("web", ["172.16.7.192"], { externalTrafficPolicy: "Local" });

test(
  "a Cluster Service that is no load balancer for a while and then Local has its slices listed",
  limits,
  async (t) => {
    const { services, slices, asked, answers, arrive, turn } = setUp(t);
    services.replace(new Map([["default/web", service("web")]]), "1");
    arrive("2", whereAll);
    services.applyWatchEvent("default/web", "3", undefined);
    services.applyWatchEvent("default/web", "4", localWeb);
    await turn();
    assert.deepEqual(asked, ["default/web"]);
    answers[0]?.({ slices: [whereAll], resourceVersion: "4" });
    await turn();
    const { readyNodes } = slices.entries.get("default/web-abcde") ?? {};
    assert.deepEqual(readyNodes, ["node1", "node2", "node3"]);
  },
);

test(
  "a Service that becomes Local while its slices are listed has all nodes of them kept",
  limits,
  async (t) => {
    const { services, slices, asked, answers, arrive, turn } = setUp(t);
    services.replace(new Map(), "1");
    arrive("2", whereAll);
    services.applyWatchEvent("default/web", "3", service("web"));
    await turn();
    assert.deepEqual(asked, ["default/web"]);
    services.applyWatchEvent("default/web", "4", localWeb);
    answers[0]?.({ slices: [whereAll], resourceVersion: "4" });
    await turn();
    const { readyNodes } = slices.entries.get("default/web-abcde") ?? {};
    assert.deepEqual(readyNodes, ["node1", "node2", "node3"]);
  },
);

test(
  "slices of a Service that is missing in a list and held are kept; back again, it has none listed",
  limits,
  async (t) => {
    const { services, held, slices, asked, arrive, turn } = setUp(t);
    const all = new Map(["a", "b"].map((name) => [`default/${name}`, service(name)]));
    services.replace(all, "1");
    arrive("2", whole("a-1", "a"));
    arrive("3", whole("b-1", "b"));
    for (const [key, one] of all) {
      held.set(key, one);
    }
    services.replace(new Map(), "4");
    const changed = { ...whole("a-1", "a"), endpoints: [endpoint("node2")] };
    arrive("5", changed);
    assert.deepEqual(slices.entries.get("default/a-1")?.readyNodes, ["node2"]);
    held.clear();
    services.replace(all, "6");
    await turn();
    assert.deepEqual(asked, []);
    assert.deepEqual([...slices.entries.keys()], ["default/a-1", "default/b-1"]);
  },
);

test("a Service is listed once for the slices that were passed over", limits, async (t) => {
  const { services, slices, asked, answers, arrive, turn } = setUp(t);
  const only = new Map([["default/web", localWeb]]);
  services.replace(new Map(), "1");
  arrive("2", whereAll);
  services.replace(only, "3");
  await turn();
  answers[0]?.({ slices: [whereAll], resourceVersion: "3" });
  await turn();
  services.replace(only, "4");
  slices.replace(new Map(slices.entries), "4");
  services.applyWatchEvent("default/web", "5", undefined);
  services.applyWatchEvent("default/web", "6", localWeb);
  await turn();
  assert.deepEqual(asked, ["default/web"]);
});

test(
  "what could not be listed stays to be listed, also for one that goes and comes",
  limits,
  async (t) => {
    const { services, clock, asked, failures, arrive, turn } = setUp(t);
    services.replace(new Map(), "1");
    arrive("2", whole("a-1", "a"));
    services.applyWatchEvent("default/a", "3", service("a"));
    await turn();
    failures[0]?.(new Error("the API server is away"));
    await turn();
    services.applyWatchEvent("default/a", "4", undefined);
    clock.advance(60_000);
    services.applyWatchEvent("default/a", "5", service("a"));
    await turn();
    assert.deepEqual(asked, ["default/a", "default/a"]);
  },
);

test(
  "too many were passed over to remember: what is new in a list has its slices listed",
  limits,
  async (t) => {
    const { services, asked, arrive, turn } = setUp(t);
    const known = new Map([["default/known", service("known")]]);
    services.replace(known, "1");
    for (let index = 0; index <= 50_000; index += 1) {
      arrive(String(2 + index), { ...whole("x", `other-${index}`), endpoints: [] });
    }
    services.replace(new Map([...known, ["default/new", service("new")]]), "60000");
    await turn();
    assert.deepEqual(asked, ["default/new"]);
  },
);
