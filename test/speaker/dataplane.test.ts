import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type TestContext, test } from "node:test";
import type { DataplaneState } from "../../src/cluster/snapshot.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import {
  type HttpAnswer,
  judgeProxyAnswer,
  judgeServiceAnswer,
  type ProbeAnswer,
  saysNoEndpoint,
  takeAnswer,
  unknownHealth,
} from "../../src/speaker/dataplane.ts";
import { decideRoutes } from "../../src/speaker/decide.ts";
import { DataplaneCheck, type DataplaneSettings } from "../../src/speaker/shell/dataplane-check.ts";
import { probeHttp } from "../../src/speaker/shell/http-probe.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { recordingLogger } from "../support/recording-logger.ts";
import { address, endpoint, service, slice, snapshot } from "./fixtures.ts";

const thresholds = { rise: 2, fall: 3 };
const peers = [{ name: "router", entryName: "router" }];
const proxyBody = JSON.stringify({ lastUpdated: "2026-11-22 12:00:00", nodeEligible: true });

function serviceBody(name: string, localEndpoints: number): string {
  return JSON.stringify({ service: { namespace: "default", name }, localEndpoints });
}

test("verdicts need answers in a row, and what says nothing changes nothing", () => {
  const verdicts = (answers: readonly ProbeAnswer[]) => {
    let health = unknownHealth;
    return answers.map((answer) => {
      health = takeAnswer(health, answer, thresholds);
      return health.verdict;
    });
  };
  assert.deepEqual(verdicts(["good", "good", "bad", "bad", "good"]).at(-1), "healthy");
  assert.deepEqual(verdicts(["bad", "bad", "none", "bad"]), [
    "unknown",
    "unknown",
    "unknown",
    "unhealthy",
  ]);
  assert.deepEqual(verdicts(["bad", "bad", "bad", "none", "good", "good"]).slice(3), [
    "unhealthy",
    "unhealthy",
    "healthy",
  ]);
});

test("only kube-proxy's own answers count", () => {
  const judge = (status: number, body: string) => judgeProxyAnswer({ status, body });
  assert.equal(judge(200, proxyBody), "good");
  assert.equal(judge(503, proxyBody), "bad");
  assert.equal(judge(404, proxyBody), "none");
  for (const foreign of ["", "ok", "null", "[]", "{}", "<html>"]) {
    assert.equal(judge(503, foreign), "none", foreign);
  }
  assert.equal(judgeProxyAnswer(undefined), "none");
});

test("a healthCheckNodePort counts only if it names the Service", () => {
  const judge = (answer: HttpAnswer | undefined) => judgeServiceAnswer(answer, "default/nginx");
  assert.equal(judge({ status: 200, body: serviceBody("nginx", 1) }), "good");
  assert.equal(judge({ status: 503, body: serviceBody("nginx", 0) }), "bad");
  assert.equal(judge({ status: 503, body: serviceBody("other", 0) }), "none");
  assert.equal(judge({ status: 503, body: "no" }), "none");
  assert.equal(judge(undefined), "none");
});

test("kube-proxy says that it has no rules by the count, whatever the status", () => {
  const says = (status: number, body: string) => saysNoEndpoint({ status, body }, "default/nginx");
  assert.equal(says(503, serviceBody("nginx", 0)), true);
  assert.equal(says(503, serviceBody("nginx", 1)), false);
  assert.equal(says(503, serviceBody("other", 0)), false);
  assert.equal(says(503, "no"), false);
  assert.equal(saysNoEndpoint(undefined, "default/nginx"), false);
});

const local = { externalTrafficPolicy: "Local", healthCheckNodePort: 30_100 } as const;

function decide(dataplane?: Partial<DataplaneState>, endings = 0) {
  const ready = [endpoint("node1"), endpoint("node2")];
  const ending = Array.from({ length: endings }, () => endpoint("node1", "ending"));
  const key = "default/nginx";
  const state = { isNodeUnhealthy: false, unhealthyServices: new Set<string>(), ...dataplane };
  const made = snapshot(
    [service("nginx", ["172.16.7.192"], local), service("wide", ["172.16.7.193"])],
    { [key]: [slice(key, [...ready, ...ending])] },
    dataplane === undefined ? {} : { dataplane: state },
  );
  const { routes, withheld, healthPorts } = decideRoutes(made, peers);
  return {
    prefixes: routes.get("router")?.map(({ prefix }) => prefix.key),
    reasons: ["nginx", "wide"].map((name) => withheld.get(`default/${name}`)?.[0]?.reason),
    healthPorts,
  };
}

const both = ["172.16.7.192/32", "172.16.7.193/32"];

test("an unhealthy kube-proxy takes every route away where it is enforced, and no other does", () => {
  assert.deepEqual(decide().prefixes, both);
  assert.deepEqual(decide({}).prefixes, both);
  const { prefixes, reasons } = decide({ isNodeUnhealthy: true });
  assert.deepEqual([prefixes, reasons], [[], ["dataplane-unhealthy", "dataplane-unhealthy"]]);
});

test("an unhealthy port takes its Service's route, but not while an endpoint here terminates", () => {
  const unhealthyServices = new Set(["default/nginx", "default/wide"]);
  const { prefixes, reasons, healthPorts } = decide({ unhealthyServices });
  assert.deepEqual([prefixes, reasons[0]], [["172.16.7.193/32"], "health-port-unhealthy"]);
  assert.deepEqual([...healthPorts], [["default/nginx", 30_100]]);
  const ending = decide({ unhealthyServices }, 1);
  assert.deepEqual([ending.prefixes, ending.healthPorts.size], [both, 0]);
});

test("an unhealthy port of one Service keeps no other's route of a shared Local address away", () => {
  const services = ["nginx", "other"].map((name) => service(name, undefined, local));
  const shared = (...names: readonly string[]) => {
    const unhealthyServices = new Set(names.map((name) => `default/${name}`));
    const dataplane = { isNodeUnhealthy: false, unhealthyServices };
    const { routes, withheld } = decideRoutes(snapshot(services, {}, { dataplane }), peers);
    return {
      prefixes: routes.get("router")?.map(({ prefix }) => prefix.key),
      reasons: services.map(({ key }) => withheld.get(key)?.map(({ reason }) => reason)),
    };
  };
  const unhealthy = ["health-port-unhealthy"];
  assert.deepEqual(shared(), {
    prefixes: ["172.16.7.192/32"],
    reasons: [undefined, undefined],
  });
  for (const [name, reasons] of [
    ["nginx", [unhealthy, undefined]],
    ["other", [undefined, unhealthy]],
  ] as const) {
    assert.deepEqual(shared(name), { prefixes: ["172.16.7.192/32"], reasons });
  }
  assert.deepEqual(shared("nginx", "other"), { prefixes: [], reasons: [unhealthy, unhealthy] });
});

interface Answering {
  readonly answers: Map<string, HttpAnswer>;
  readonly asked: string[];
}

/** A check that runs, with a clock that is moved and answers that are given. */
function running(t: TestContext, { answers, asked }: Answering, mode: DataplaneSettings["mode"]) {
  const clock = new ManualClock();
  const told = new AbortController();
  let changes = 0;
  const logger = recordingLogger();
  const check = new DataplaneCheck({
    settings: { mode, url: "http://NODE_IP:10256/livez", ...thresholds },
    nodeAddresses: () => [address("fd12::11")],
    probe: (url) => {
      asked.push(url);
      return Promise.resolve(answers.get(url));
    },
    clock,
    logger,
    onChange: () => {
      changes += 1;
    },
  });
  const ended = check.run(told.signal);
  t.after(async () => {
    told.abort();
    await ended;
  });
  const pass = async (seconds: number) => {
    for (let step = 0; step < seconds * 20; step += 1) {
      clock.advance(50);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  };
  return { check, pass, logger, changes: () => changes };
}

const livez = "http://[fd12::11]:10256/livez";
const healthz = "http://[fd12::11]:10256/healthz";

test("the check asks again and again, and tells each change of verdict once", async (t) => {
  const answers = new Map<string, HttpAnswer>([[livez, { status: 503, body: proxyBody }]]);
  const asked: string[] = [];
  const { check, pass, logger, changes } = running(t, { answers, asked }, "enforce");
  await pass(3);
  assert.equal(check.enforced?.isNodeUnhealthy, false);
  await pass(4);
  assert.equal(check.enforced?.isNodeUnhealthy, true);
  answers.delete(livez);
  await pass(20);
  assert.equal(check.source.node, "unhealthy");
  answers.set(livez, { status: 200, body: proxyBody });
  await pass(6);
  assert.equal(check.source.node, "healthy");
  assert.equal(changes(), 2);
  assert.equal(logger.lines.length, 2);
  assert.ok(!asked.includes(healthz));
});

test("healthz is asked only where there is no livez", async (t) => {
  const answers = new Map<string, HttpAnswer>([
    [livez, { status: 404, body: "" }],
    [healthz, { status: 200, body: proxyBody }],
  ]);
  const { check, pass } = running(t, { answers, asked: [] }, "warn");
  await pass(6);
  assert.equal(check.source.node, "healthy");
  assert.equal(check.enforced, undefined);
});

test("Services are asked while they have a port here, and forgotten after", async (t) => {
  const url = "http://[fd12::11]:30100/";
  const answers = new Map([[url, { status: 503, body: serviceBody("nginx", 0) }]]);
  const { check, pass } = running(t, { answers, asked: [] }, "enforce");
  check.follow({ healthPorts: new Map([["default/nginx", 30_100]]), arrivals: new Map() });
  await pass(10);
  assert.deepEqual(check.source.unhealthyServices, ["default/nginx"]);
  check.follow({ healthPorts: new Map(), arrivals: new Map() });
  assert.deepEqual(check.source.unhealthyServices, []);
});

test("a probe gives the answer, or undefined where there is none in time", async (t) => {
  const server = createServer((request, response) => {
    if (request.url === "/hangs") {
      return;
    }
    response.statusCode = 503;
    response.end(request.url === "/long" ? "x".repeat(100_000) : "body");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const bound = server.address();
  const port = typeof bound === "object" ? bound?.port : 0;
  const probe = (path: string, timeoutMs = 5_000) =>
    probeHttp(`http://127.0.0.1:${port}${path}`, timeoutMs);
  assert.deepEqual(await probe("/"), { status: 503, body: "body" });
  assert.equal(await probe("/long"), undefined);
  const startMs = systemClock.now();
  assert.equal(await probe("/hangs", 50), undefined);
  assert.ok(systemClock.now() - startMs < 4_000);
  assert.equal(await probeHttp("http://127.0.0.1:1/", 1_000), undefined);
});
