import assert from "node:assert/strict";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { type HttpServerOptions, startHttpServer } from "../../src/runtime/http.ts";
import { MetricsRegistry } from "../../src/runtime/metrics.ts";
import { recordingLogger } from "../support/recording-logger.ts";

const limits = { timeout: 20_000 };

async function setUp(t: TestContext, options: Partial<HttpServerOptions> = {}) {
  const logger = recordingLogger();
  const server = await startHttpServer({
    host: "127.0.0.1",
    port: 0,
    metrics: new MetricsRegistry(),
    whyNotReady: () => [],
    logger,
    ...options,
  });
  t.after(() => server.close());
  const get = async (path: string, method = "GET") => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  return { get, logger, port: server.port };
}

test("/healthz answers as long as the loop turns", limits, async (t) => {
  const { get } = await setUp(t);
  const { status, text } = await get("/healthz");
  assert.deepEqual([status, text], [200, "ok\n"]);
});

test("a path that is no path is answered, and not worth a line in the log", limits, async (t) => {
  const { port, logger } = await setUp(t);
  const socket = connect(port, "127.0.0.1");
  socket.end("GET // HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  const chunks = await socket.toArray();
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 400 /);
  assert.deepEqual(logger.lines, []);
});

test("/readyz gives every reason why not", limits, async (t) => {
  let reasons = ["no configuration", "services are not synced"];
  const { get } = await setUp(t, { whyNotReady: () => reasons });
  const before = await get("/readyz");
  assert.deepEqual(
    [before.status, before.text],
    [503, "no configuration\nservices are not synced\n"],
  );
  reasons = [];
  assert.equal((await get("/readyz")).status, 200);
});

test("/metrics is the registry in the format of Prometheus", limits, async (t) => {
  const metrics = new MetricsRegistry();
  metrics.gauge({ name: "up", help: "Whether it is up.", labels: [] }).set({}, 1);
  const { get } = await setUp(t, { metrics });
  const { text, headers } = await get("/metrics");
  assert.match(text, /^# HELP up Whether it is up\.\n# TYPE up gauge\nup 1$/m);
  assert.match(headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
});

test("/metrics waits for what has to be brought up to date", limits, async (t) => {
  const metrics = new MetricsRegistry();
  const packets = metrics.gauge({ name: "packets", help: "Sent so far.", labels: [] });
  let sent = 0;
  const beforeMetrics = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    sent += 1;
    packets.set({}, sent);
  };
  const { get } = await setUp(t, { metrics, beforeMetrics });
  assert.match((await get("/metrics")).text, /^packets 1$/m);
  assert.match((await get("/metrics")).text, /^packets 2$/m);
});

test("/capture is a file for each peer, and only there if it is on", limits, async (t) => {
  const capture = (peer: string) =>
    peer === "[fe80::1%eth0]:179" ? Buffer.from("pcap") : undefined;
  const { get } = await setUp(t, { capture });
  const { text, headers } = await get(`/capture?peer=${encodeURIComponent("[fe80::1%eth0]:179")}`);
  assert.equal(text, "pcap");
  assert.equal(headers.get("content-type"), "application/vnd.tcpdump.pcap");
  assert.deepEqual(
    [(await get("/capture?peer=x")).status, (await get("/capture")).status],
    [404, 404],
  );
  const off = await (await setUp(t)).get("/capture?peer=a");
  assert.deepEqual([off.status, off.text], [404, "there are /metrics, /healthz, /readyz\n"]);
});

test("/state is JSON, and only there if it is on", limits, async (t) => {
  const state = {
    node: "node1",
    routes: Array.from({ length: 1_000 }, (_, index) => ({ prefix: `10.0.0.${index}/32` })),
    peers: { a: { sent: [1, 2] }, b: undefined },
    empty: {},
    none: [],
    nothing: null,
  };
  const { get } = await setUp(t, { state: () => state });
  const { text, headers } = await get("/state?x=1");
  assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(state)));
  assert.equal(headers.get("content-type"), "application/json");
  const off = await setUp(t);
  assert.equal((await off.get("/state")).status, 404);
});

test("a state that cannot be made cuts the connection and is logged", limits, async (t) => {
  const { get, logger } = await setUp(t, {
    state: () => {
      throw new Error("a bug");
    },
  });
  await assert.rejects(get("/state"));
  assert.equal(logger.lines[0]?.message, "HTTP answer failed");
});

test("nothing but GET and HEAD is answered, and no other path", limits, async (t) => {
  const { get } = await setUp(t);
  assert.equal((await get("/healthz", "POST")).status, 405);
  assert.equal((await get("/healthz", "HEAD")).status, 200);
  assert.equal((await get("/")).status, 404);
});

test("octets that are no HTTP do not disturb it", limits, async (t) => {
  const { get, port } = await setUp(t);
  const socket = connect(port, "127.0.0.1");
  socket.end("\x16\x03\x01 no http\r\n\r\n");
  await new Promise((resolve) => {
    socket.on("close", resolve).resume();
  });
  assert.equal((await get("/healthz")).status, 200);
});

test("a port that is taken is an error", limits, async (t) => {
  const { port } = await setUp(t);
  await assert.rejects(setUp(t, { port }), /EADDRINUSE/);
});
