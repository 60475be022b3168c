import assert from "node:assert/strict";
import { test } from "node:test";
import { policyCaveat } from "../../../src/bgp/session/status.ts";
import { reportStatus } from "../../../src/cli/report/status-report.ts";
import { formatStatus } from "../../../src/cli/report/status-text.ts";
import { formatAge, formatTable } from "../../../src/cli/report/table.ts";
import { answered, answers, recordedController, recordedSpeaker, withSession } from "./answers.ts";

const since = "2026-11-22T13:00:00.000Z";
const style = { isWide: false, hasColours: false, nowMs: Date.parse(since) + 192_000 };

test("sessions, pools and Services without an address", () => {
  const speakers = [answered("node1", withSession({ since, bfdState: "Up", pending: 2 }))];
  assert.equal(
    formatStatus(reportStatus(answers({ speakers })), style),
    `BGP sessions: 1 of 1 up
NODE   PEER    STATE        FOR    SENT          BFD
node1  router  Established  3m12s  1, 2 to come  Up

Pools
POOL         FAMILY  USED  FREE  TOTAL
my-ip-space  ipv4    1     63    64

Services: 1 with an address, 1 without
SERVICE       REASON               WHY
default/lost  address-not-in-pool  the requested address 192.0.2.1 is in no pool: the pools hold 172.16.7.192/26 (my-ip-space)
`,
  );
});

test("wide, once: that a session is up does not tell which routes the router accepts", () => {
  const speakers = ["node1", "node2"].map((node) =>
    answered(node, { ...withSession({ since, caveat: policyCaveat }), node }),
  );
  const report = reportStatus(answers({ speakers }));
  const wide = formatStatus(report, { ...style, isWide: true });
  assert.equal(wide.split(`\n${policyCaveat}\n`).length, 2, wide);
  assert.ok(!formatStatus(report, style).includes(policyCaveat));
  const silent = reportStatus(answers({ speakers: [answered("node1", withSession({ since }))] }));
  assert.ok(!formatStatus(silent, { ...style, isWide: true }).includes(policyCaveat));
});

test("sessions that are down and entries that are not dialled come with their reasons", () => {
  const down = withSession({ state: "Connect", lastError: "connection refused", since });
  const notDialled = [
    { entryName: "locked", reason: "secret-missing", text: "There is no Secret." },
    { entryName: "elsewhere", reason: "node-not-selected", text: "Not here." },
  ];
  const report = reportStatus(answers({ speakers: [answered("node1", { ...down, notDialled })] }));
  const text = formatStatus(report, style);
  assert.match(text, /^BGP sessions: 0 of 2 up$/m);
  assert.match(text, /^node1 {2}router {2}Connect .* connection refused$/m);
  assert.match(text, /^node1 {2}locked {2}not dialled .* There is no Secret\.$/m);
  assert.ok(!text.includes("elsewhere"));
});

test("a speaker that drains, waits or acts on another configuration is pointed out", () => {
  const view = recordedSpeaker("node2");
  const behind = { ...view, node: "node3", config: { isStale: true, sha256: "old" } };
  const report = reportStatus(
    answers({
      speakers: [
        answered("node1", { ...recordedSpeaker("node1"), drainCause: "annotation" }),
        answered("node2", { ...view, waitingFor: ["Services could not be read yet"] }),
        answered("node3", behind),
      ],
    }),
  );
  const text = formatStatus(report, style);
  assert.match(text, /^node1 .* drains \(annotation\)$/m);
  assert.match(text, /^node2 .* waits: Services could not be read yet$/m);
  assert.match(text, /^ {2}The speaker on node3 acts on another configuration than most\.$/m);
});

test("a stale configuration and the want of a leader are told", () => {
  const stale = { ...recordedController(), config: { isStale: true, why: "peers[0]: wrong." } };
  const report = reportStatus(answers({ controllers: [answered("node0", stale)] }));
  assert.deepEqual(report.configuration, [
    "The ConfigMap's text is not in force: peers[0]: wrong.",
  ]);
  const follower = { ...recordedController(), leads: false };
  const { allocation, gaps } = reportStatus(
    answers({ controllers: [answered("node0", follower)] }),
  );
  assert.equal(allocation, undefined);
  assert.deepEqual(gaps, ["No controller leads: Services get no addresses now."]);
});

test("a cluster without our Pods is told as such", () => {
  const { nodesWithoutSpeaker: _, ...none } = answers({ speakers: [], controllers: [] });
  assert.deepEqual(reportStatus(none).gaps, [
    "There are no speaker Pods in the namespace.",
    "There are no controller Pods in the namespace.",
    "You may not list Nodes: those without a speaker are not shown.",
  ]);
});

test("tables leave out columns in which there is nothing", () => {
  const rows = [
    ["a", "", "long one"],
    ["bb", "", "c"],
  ].map((row) => row.map((text) => ({ text })));
  assert.equal(
    formatTable(["ONE", "TWO", "THREE"], rows, { hasColours: false }),
    "ONE  THREE\na    long one\nbb   c",
  );
});

test("ages are told in their two largest units", () => {
  const ages = [-5, 59, 60, 3_600 + 300, 47 * 3_600, 50 * 3_600].map((s) => formatAge(s * 1_000));
  assert.deepEqual(ages, ["0s", "59s", "1m0s", "1h5m", "47h0m", "2d2h"]);
});
