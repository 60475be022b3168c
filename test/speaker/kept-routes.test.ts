import assert from "node:assert/strict";
import { test } from "node:test";
import { type Decision, decideRoutes } from "../../src/speaker/decide.ts";
import { keepRoutes } from "../../src/speaker/kept-routes.ts";
import { advertisement, config, pool, range, service, snapshot } from "./fixtures.ts";

const first = { name: "rack-a", entryName: "rack-a" };
const second = { name: "rack-b", entryName: "rack-b" };

const given = snapshot([service("nginx"), service("other", ["172.16.8.1"])]);

function decide(ranges: readonly string[], localPref: number, peers = [first, second]): Decision {
  const advertisements = [advertisement({ localPref })];
  const pools = [pool({ ranges: ranges.map(range), advertisements })];
  return decideRoutes({ ...given, config: config({ pools }) }, peers);
}

/** By session, each route as `prefix localPref`. */
function shown({ routes }: Decision): object {
  return Object.fromEntries(
    [...routes].map(([peer, list]) => [
      peer,
      list.map(({ prefix, attributes }) => `${prefix.key} ${attributes.localPref}`),
    ]),
  );
}

test("what only the kept decision advertises stays, the rest is as in the other", () => {
  const decision = decide(["172.16.8.0/24"], 200);
  const united = keepRoutes(decision, decide(["172.16.7.0/24", "172.16.8.0/24"], 100));
  const both = ["172.16.7.192/32 100", "172.16.8.1/32 200"];
  assert.deepEqual(shown(united), { "rack-a": both, "rack-b": both });
  assert.equal(united.routes.get("rack-a"), united.routes.get("rack-b"));
  assert.deepEqual(united.advertised.get("default/nginx"), ["172.16.7.192"]);
  assert.equal(decision.withheld.get("default/nginx")?.[0]?.reason, "address-not-in-pool");
  assert.equal(united.withheld.size, 0);
});

test("a session that the decision leaves out keeps what it had, and gets nothing more", () => {
  const decision = decide(["172.16.8.0/24"], 200, [first]);
  const united = keepRoutes(decision, decide(["172.16.7.0/24"], 100));
  assert.deepEqual(shown(united), {
    "rack-a": ["172.16.7.192/32 100", "172.16.8.1/32 200"],
    "rack-b": ["172.16.7.192/32 100"],
  });
});

test("what neither advertises is withheld, for the reason of the decision", () => {
  const decision = decide(["172.16.9.0/24"], 100);
  const united = keepRoutes(decision, decide(["172.16.7.0/24"], 100));
  const reasons = united.withheld.get("default/other")?.map(({ reason }) => reason);
  assert.deepEqual(reasons, ["address-not-in-pool"]);
  assert.equal(united.withheld.has("default/nginx"), false);
});
