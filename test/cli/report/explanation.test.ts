import assert from "node:assert/strict";
import { test } from "node:test";
import { policyCaveat } from "../../../src/bgp/session/status.ts";
import { explainService } from "../../../src/cli/report/explanation.ts";
import { formatExplanation } from "../../../src/cli/report/explanation-text.ts";
import type { SpeakerView } from "../../../src/cli/report/speaker-view.ts";
import { decisionGates, gateNames, peerGates, sessionGates } from "../../../src/speaker/gates.ts";
import { service } from "../../speaker/fixtures.ts";
import { answered, answers, recordedSpeaker, withReason, withSession } from "./answers.ts";

const plain = { isWide: false, hasColours: false };
const nginx = service("nginx", ["172.16.7.192"], {
  externalTrafficPolicy: "Local",
  annotations: { "routelb.io/ip-allocated-from-pool": "my-ip-space" },
});

/** How the first row stands when this speaker is the only one. */
function rowOf(view: SpeakerView) {
  const { addresses } = explainService(nginx, answers({ speakers: [answered("node1", view)] }));
  const [row] = addresses.flatMap(({ rows }) => rows);
  assert.ok(row !== undefined);
  return row;
}

test("each node and peer has its verdict, the first gate that fails, and a cure", () => {
  const explanation = explainService(nginx, answers({ nodesWithoutSpeaker: ["node0"] }));
  assert.equal(
    formatExplanation(explanation, plain),
    `Service default/nginx: type LoadBalancer, externalTrafficPolicy Local

172.16.7.192 from pool my-ip-space: advertised by 1 of 3 nodes
NODE   PEER    ADVERTISED  FAILS AT   WHY
node0  all     no          node       No speaker runs on the node.
node1  router  yes                    172.16.7.192/32
node2  all     no          endpoints  externalTrafficPolicy is Local and no endpoint on this node is ready.

What can be done:
  no-speaker (node0): ${explanation.addresses[0]?.rows[0]?.obstacle?.cure}
  no-local-endpoint (node2): ${decisionGates["no-local-endpoint"].cure}
`,
  );
});

test("wide shows how each gate stands", () => {
  const lines = formatExplanation(explainService(nginx, answers()), {
    isWide: true,
    hasColours: false,
  }).split("\n");
  const head = lines.find((line) => line.startsWith("NODE"));
  for (const gate of gateNames) {
    assert.match(head ?? "", new RegExp(` ${gate.toUpperCase()}`));
  }
  const marks = (node: string) =>
    lines
      .find((line) => line.startsWith(node))
      ?.split(/ +/)
      .slice(3, 3 + gateNames.length);
  assert.ok(marks("node1")?.every((mark) => mark === "ok"));
  assert.equal(lines.filter((line) => line === policyCaveat).length, 1);
  const failing = gateNames.indexOf("endpoints");
  assert.deepEqual(
    marks("node2"),
    gateNames.map((_, index) => (index < failing ? "ok" : index === failing ? "FAILS" : "-")),
  );
});

test("the router's policy is not named where nothing is advertised", () => {
  const view = withReason({ reason: "no-endpoints", text: "Why." });
  const explanation = explainService(nginx, answers({ speakers: [answered("node1", view)] }));
  const text = formatExplanation(explanation, { isWide: true, hasColours: false });
  assert.ok(!text.includes(policyCaveat));
});

test("every reason of the decision fails at its gate, with a cure", () => {
  for (const [reason, { gate, cure }] of Object.entries(decisionGates)) {
    const { verdict, obstacle } = rowOf(withReason({ reason, text: "Why." }));
    assert.deepEqual([verdict, obstacle], ["withheld", { gate, reason, text: "Why.", cure }]);
  }
  const unheardOf = rowOf(withReason({ reason: "of-tomorrow", text: "Why." }));
  assert.deepEqual(unheardOf.obstacle, { gate: "other", reason: "of-tomorrow", text: "Why." });
  assert.ok(unheardOf.gates.every(({ mark }) => mark === "unknown"));
});

test("a reason that is for one peer leaves the others alone", () => {
  const view = withReason({ reason: "peer-not-selected", text: "Why.", peer: "router" });
  const [session] = view.sessions;
  assert.ok(session !== undefined);
  const second = { ...session, name: "second" };
  const { routes, ...rest } = { ...view, sessions: [session, second] };
  const both = new Map([...routes, ["second", routes.get("router") ?? []] as const]);
  const { addresses } = explainService(
    nginx,
    answers({ speakers: [answered("node1", { ...rest, routes: both })] }),
  );
  assert.deepEqual(
    addresses[0]?.rows.map(({ peer, verdict }) => [peer, verdict]),
    [
      ["router", "withheld"],
      ["second", "advertised"],
    ],
  );
});

test("a session that is down, or cannot carry the route, keeps it from its router", () => {
  const down = rowOf(withSession({ state: "Active", lastError: "no answer" }));
  assert.equal(down.obstacle?.gate, "session");
  assert.equal(down.obstacle?.text, "The session is in state Active: no answer.");
  for (const reason of ["family-not-negotiated", "no-next-hop", "attributes-too-long"] as const) {
    const held = rowOf(withSession({ withheld: [{ prefix: "172.16.7.192/32", reason }] }));
    assert.equal(held.obstacle?.reason, reason);
    assert.equal(held.obstacle?.cure, sessionGates[reason].cure);
  }
  const other = rowOf(withSession({ withheld: [{ prefix: "2001:db8::1/128", reason: "x" }] }));
  assert.equal(other.verdict, "advertised");
});

test("entries of peers that are not dialled are rows too", () => {
  const notDialled = [{ entryName: "locked", reason: "secret-missing", text: "Why." }];
  const { sessions: _, ...view } = recordedSpeaker("node1");
  const { addresses } = explainService(
    nginx,
    answers({ speakers: [answered("node1", { ...view, sessions: [], notDialled })] }),
  );
  assert.deepEqual(
    addresses[0]?.rows.map(({ peer, obstacle }) => [peer, obstacle?.cure]),
    [["locked", peerGates["secret-missing"].cure]],
  );
});

test("a route that leaves, aggregates and path attributes can be seen", () => {
  const route = { prefix: "172.16.7.0/24", localPref: 0, communities: ["65535:0"], med: 7 };
  const view = recordedSpeaker("node1");
  const leaving = rowOf({ ...view, routes: new Map([["router", [route]]]) });
  assert.equal(leaving.verdict, "leaving");
  assert.equal(leaving.note, "172.16.7.0/24, localpref 0, MED 7, communities 65535:0");
  const weighted = { prefix: "172.16.7.192/32", communities: [], linkBandwidth: 4_000_000 };
  const heavy = rowOf({ ...view, routes: new Map([["router", [weighted]]]) });
  assert.equal(heavy.note, "172.16.7.192/32, weight 4");
});

test("what did not answer is marked, and not taken for a no", () => {
  const why = "no answer within 5 s";
  const explanation = explainService(
    nginx,
    answers({
      speakers: [{ pod: "speaker-x", node: "node9", outcome: { type: "silent", why } }],
      controllers: [],
    }),
  );
  const [row] = explanation.addresses.flatMap(({ rows }) => rows);
  assert.deepEqual([row?.verdict, row?.note, row?.obstacle], ["unknown", why, undefined]);
  assert.deepEqual(explanation.gaps, [
    "speaker-x on node9 is missing here: no answer within 5 s.",
    "There are no controller Pods in the namespace.",
  ]);
  const blind = rowOf({
    ...recordedSpeaker("node1"),
    services: new Map(),
    waitingFor: ["Services"],
  });
  assert.deepEqual([blind.verdict, blind.note], ["unknown", "Services"]);
});

test("without an address the controller's words stand, or the speakers'", () => {
  const lost = explainService(service("lost", []), answers());
  assert.equal(lost.obstacle?.reason, "address-not-in-pool");
  assert.match(formatExplanation(lost, plain), /^No address: the requested address 192\.0\.2\.1/m);
  const inner = explainService(service("nginx", [], { type: "ClusterIP" }), answers());
  assert.equal(inner.obstacle?.reason, "not-load-balancer");
  const foreign = withReason({ reason: "class-not-ours", text: "Why." });
  const speakers = [answered("node1", foreign)];
  const other = explainService(service("nginx", []), answers({ speakers }));
  assert.equal(other.obstacle?.reason, "class-not-ours");
  const quiet = explainService(service("unheard-of", []), answers());
  assert.equal(quiet.obstacle?.reason, "no-address");
});

test("what was asked for and not granted is told once", () => {
  const view = recordedSpeaker("node1");
  const refused = ["routelb.io/med: 7 is not allowed"];
  const services = new Map([["default/nginx", { advertised: [], withheld: [], refused }]]);
  const speakers = ["node1", "node2"].map((node) => answered(node, { ...view, node, services }));
  assert.deepEqual(explainService(nginx, answers({ speakers })).notGranted, refused);
});

test("colours are there only where they are wanted", () => {
  const explanation = explainService(nginx, answers());
  assert.ok(!formatExplanation(explanation, plain).includes("\x1b"));
  const coloured = formatExplanation(explanation, { isWide: false, hasColours: true });
  assert.ok(coloured.includes("node1  router  \x1b[32myes\x1b[0m"));
});
