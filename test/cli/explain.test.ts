import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { runStatus } from "../../src/cli/status.ts";
import { runCommand } from "./run-command.ts";
import { applyService, startCluster } from "./running-cluster.ts";

test("explain and status of a cluster that runs, with a speaker that does not answer", {
  timeout: 60_000,
}, async (t) => {
  const { server, router, kubeconfigPath } = await startCluster(t);
  const reach = ["--kubeconfig", kubeconfigPath];
  applyService(server, "nginx", { externalTrafficPolicy: "Local" });
  await router.untilRoutes("172.16.7.192/32");

  const { code, out } = await runCommand(["explain", "default/nginx", ...reach]);
  assert.equal(code, 1);
  assert.match(out, /^172\.16\.7\.192 from pool my-ip-space: advertised by 1 of 4 nodes$/m);
  assert.match(out, /^node0 {2}all {5}no {10}node .*No speaker runs on the node\.$/m);
  assert.match(out, /^node1 {2}router {2}yes .*172\.16\.7\.192\/32$/m);
  assert.match(out, /^node2 {2}all {5}no {10}endpoints .*no endpoint on this node is ready\.$/m);
  assert.match(out, /^node3 {2}all {5}unknown .*ECONNREFUSED/m);
  assert.match(out, /^ {2}speaker-node3 on node3 is missing here: /m);

  const asked = server.requests.filter(({ target }) => target?.subresource === "proxy");
  assert.ok(asked.length >= 4);
  assert.ok(asked.every(({ query }) => query.get("service") === "default/nginx"));

  const status = await runCommand(["status", "-o", "json", ...reach]);
  const report = JSON.parse(status.out);
  assert.deepEqual(
    report.sessions.map((session: { node: string; state: string; advertised: number }) => [
      session.node,
      session.state,
      session.advertised,
    ]),
    [
      ["node1", "Established", 1],
      ["node2", "Established", 0],
    ],
  );
  assert.equal(report.allocation.servicesWithAddress, 1);
  assert.match((await runCommand(["status", ...reach])).out, /^BGP sessions: 2 of 2 up$/m);
  assert.match((await runCommand(["status", "-o=yaml", ...reach])).out, /^sessions:\n {2}- node: /);

  const absent = await runCommand(["explain", "default/absent", ...reach]);
  assert.deepEqual([absent.code, absent.out], [1, "There is no Service default/absent.\n"]);
  await drawsAgain(reach);

  await server.stop();
  const gone = await runCommand(["explain", "default/nginx", ...reach]);
  assert.equal(gone.code, 2);
  assert.match(gone.error, /^routelb explain: .*ECONNREFUSED/);
});

test("explain and status tell that kube-proxy does not deliver, and the routes are gone", {
  timeout: 60_000,
}, async (t) => {
  let status = 200;
  const kubeProxy = createServer((_request, response) => {
    response.statusCode = status;
    response.end(JSON.stringify({ lastUpdated: "2026-11-22 12:00:00" }));
  }).listen(0, "127.0.0.1");
  await once(kubeProxy, "listening");
  t.after(() => kubeProxy.close());
  const bound = kubeProxy.address();
  const port = typeof bound === "object" ? bound?.port : 0;
  const url = `http://127.0.0.1:${port}/livez`;
  const dataplane = { mode: "enforce", url, rise: 1, fall: 2 } as const;
  const { server, router, kubeconfigPath } = await startCluster(t, { dataplane });
  const reach = ["--kubeconfig", kubeconfigPath];
  applyService(server, "nginx");
  await router.untilRoutes("172.16.7.192/32");

  status = 503;
  await router.untilRoutes();
  await prints(
    ["explain", "default/nginx", ...reach],
    [
      /^node1 +all +no +dataplane +kube-proxy on this node says that it does not deliver/m,
      /^node2 +all +no +dataplane +kube-proxy on this node says that it does not deliver/m,
    ],
  );
  await prints(["status", ...reach], [/^node1 .*kube-proxy says that it does not deliver$/m]);

  status = 200;
  await router.untilRoutes("172.16.7.192/32");
});

/** Runs a command until what it prints matches; the test's own limit ends it. */
async function prints(args: readonly string[], expected: readonly RegExp[]): Promise<void> {
  for (;;) {
    const { out } = await runCommand(args);
    if (expected.every((pattern) => pattern.test(out))) {
      return;
    }
  }
}

async function drawsAgain(reach: readonly string[]): Promise<void> {
  const told = new AbortController();
  let drawn = 0;
  const code = await runStatus(
    ["-w", ...reach],
    {
      stdin: (async function* () {})(),
      environment: { NO_COLOR: "1" },
      terminal: { columns: 80, rows: 24 },
      write: (text) => {
        assert.ok(text.startsWith("\x1b[HBGP sessions: 2 of 2 up"));
        drawn += 1;
        if (drawn === 2) {
          told.abort();
        }
      },
      writeError: assert.fail,
    },
    told.signal,
  );
  assert.deepEqual([code, drawn], [0, 2]);
}

test("a wrong command line is told with its usage", async () => {
  for (const args of [["explain"], ["explain", "nginx"], ["explain", "a/b", "c/d"]]) {
    const { code, error } = await runCommand(args);
    assert.equal(code, 2);
    assert.match(error, /^routelb explain: give one Service as NAMESPACE\/NAME\n\nusage: /);
  }
  assert.match((await runCommand(["status", "x"])).error, /^routelb status: unexpected argument x/);
  const lost = await runCommand(["status", "--kubeconfig", "/nonexistent"]);
  assert.equal(lost.code, 2);
});
