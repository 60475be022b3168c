import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition, Service } from "../../src/cluster/service.ts";
import type { PoolConfig } from "../../src/config/model.ts";
import { allocate } from "../../src/controller/allocate.ts";
import { poolAnnotation } from "../../src/controller/outcome.ts";
import { standingEvents, writtenEvent } from "../../src/controller/service-events.ts";
import {
  conditionType,
  diffStatus,
  type StatusPatch,
  wantedIngress,
} from "../../src/controller/status.ts";
import { dualStack, pool, service, snapshot, withStatus } from "./fixtures.ts";

const now = "2026-11-22T12:00:00Z";
const earlier = "2026-11-22T11:00:00Z";
const p = pool("p", ["10.0.0.1-10.0.0.2"]);
const six = pool("six", ["2001:db8::/126"]);
const foreign: Condition = {
  type: "example.com/Checked",
  status: "True",
  reason: "Fine",
  message: "",
  lastTransitionTime: earlier,
};

function outcomeOf(asking: Service, pools: readonly PoolConfig[] = [p, six]) {
  return allocate(snapshot(pools, [asking])).outcomes.get(asking.key);
}

function diff(asking: Service, pools?: readonly PoolConfig[]): StatusPatch | undefined {
  return diffStatus(asking, outcomeOf(asking, pools), now);
}

function assigned(message = "10.0.0.1 of pool p", since = now): Condition {
  return {
    type: conditionType,
    status: "True",
    reason: "Assigned",
    message,
    lastTransitionTime: since,
  };
}

/** A Service as it stands after our write. */
function settled(more: Partial<Service> = {}): Service {
  return withStatus(
    service("a1", {
      annotations: { [poolAnnotation]: "p" },
      conditions: [assigned(undefined, earlier)],
      ...more,
    }),
    "10.0.0.1",
  );
}

test("a new address is written with its pool and condition, guarded by resourceVersion", () => {
  assert.deepEqual(diff(service("a1", { resourceVersion: "42" })), {
    metadata: { resourceVersion: "42", annotations: { [poolAnnotation]: "p" } },
    status: {
      loadBalancer: { ingress: [{ ip: "10.0.0.1", ipMode: "VIP" }] },
      conditions: [assigned()],
    },
  });
});

test("what is written already is not written again", () => {
  assert.equal(diff(settled()), undefined);
});

test("an ipMode that the server adds or drops is no difference", () => {
  assert.equal(diff({ ...settled(), ingress: [{ ip: "10.0.0.1" }] }), undefined);
});

test("only what differs is in the patch", () => {
  assert.deepEqual(diff({ ...settled(), ingress: [] }), {
    metadata: { resourceVersion: "1" },
    status: { loadBalancer: { ingress: [{ ip: "10.0.0.1", ipMode: "VIP" }] } },
  });
  assert.deepEqual(diff(settled({ annotations: {} })), {
    metadata: { resourceVersion: "1", annotations: { [poolAnnotation]: "p" } },
  });
  assert.deepEqual(diff(settled({ conditions: [] })), {
    metadata: { resourceVersion: "1" },
    status: { conditions: [assigned()] },
  });
});

test("conditions of other writers stay, ours keeps its time while its status stays", () => {
  const older = { ...assigned("10.0.0.9 of pool p", earlier) };
  assert.deepEqual(diff(settled({ conditions: [older, foreign] })), {
    metadata: { resourceVersion: "1" },
    status: { conditions: [foreign, assigned(undefined, earlier)] },
  });
});

test("hostnames and other modes of other writers are replaced", () => {
  const ingress = [{ ip: "10.0.0.1", ipMode: "VIP" }];
  for (const found of [
    [{ hostname: "lb.example.net" }],
    [{ ip: "10.0.0.1", ipMode: "Proxy" }],
    [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }],
  ]) {
    const patch = diff({ ...settled(), ingress: found });
    assert.deepEqual(patch?.status?.loadBalancer, { ingress });
  }
});

test("two families are written in the order of spec.ipFamilies", () => {
  const asking = dualStack("a1", { ipFamilies: ["ipv6", "ipv4"] });
  const patch = diff(asking);
  assert.deepEqual(
    patch?.status?.loadBalancer?.ingress?.map(({ ip }) => ip),
    ["2001:db8::", "10.0.0.1"],
  );
  assert.deepEqual(patch?.metadata.annotations, { [poolAnnotation]: "six,p" });
});

test("a Service without an address gets the condition and nothing else", () => {
  assert.deepEqual(diff(service("a1"), []), {
    metadata: { resourceVersion: "1" },
    status: {
      conditions: [
        {
          type: conditionType,
          status: "False",
          reason: "NoPool",
          message: "no pool has IPv4 addresses: add some to address-pools in the configuration",
          lastTransitionTime: now,
        },
      ],
    },
  });
});

test("an address of ours that may not stay is cleared, one of others is left", () => {
  assert.deepEqual(diff(settled(), [])?.status?.loadBalancer, { ingress: null });
  const theirs = withStatus(service("a1"), "192.0.2.1");
  assert.equal(diff(theirs, [])?.status?.loadBalancer, undefined);
});

test("when it is no LoadBalancer any more, what is ours goes and the rest stays", () => {
  const left = settled({ type: "ClusterIP", conditions: [assigned(), foreign] });
  assert.deepEqual(diffStatus({ ...left, ingress: [] }, undefined, now), {
    metadata: { resourceVersion: "1", annotations: { [poolAnnotation]: null } },
    status: { conditions: [foreign] },
  });
  assert.deepEqual(diffStatus(left, undefined, now)?.status?.loadBalancer, { ingress: null });
  const theirs = withStatus(service("a1", { type: "ClusterIP" }), "192.0.2.1");
  assert.equal(diffStatus(theirs, undefined, now), undefined);
});

test("the last condition goes as null, which removes the list", () => {
  const left = settled({ type: "ClusterIP" });
  assert.deepEqual(diffStatus(left, undefined, now)?.status?.conditions, null);
});

test("a Service that is being deleted is left as it is", () => {
  assert.equal(diffStatus(settled({ deleting: true }), undefined, now), undefined);
});

test("a write is told once, as what it was", () => {
  const fresh = service("a1");
  const told = (before: Service) => {
    const event = writtenEvent(before, outcomeOf(before));
    return event === undefined ? "" : `${event.reason}: ${event.message}`;
  };
  assert.equal(told(fresh), "IPAllocated: Assigned 10.0.0.1 of pool p");
  assert.equal(
    told(withStatus(fresh, "192.0.2.1")),
    "Renumbered: Assigned 10.0.0.1 of pool p instead of 192.0.2.1",
  );
  assert.equal(told(settled()), "");
  const dual = (...ips: readonly string[]) =>
    withStatus(
      service("a1", { ipFamilies: ["ipv4", "ipv6"], ipFamilyPolicy: "PreferDualStack" }),
      ...ips,
    );
  assert.match(told(dual("10.0.0.1")), /^IPAllocated: Assigned 10\.0\.0\.1 .*2001:db8::/);
  assert.match(told(dual("10.0.0.1", "192.0.2.1")), /^Renumbered: .* instead of 10\.0\.0\.1,192/);
  const [first = "", second = ""] = wantedIngress(dual(), outcomeOf(dual()))?.split(",") ?? [];
  assert.equal(told(dual(second, first)), "", "another order moves nothing");
  const cleared = writtenEvent(settled(), outcomeOf(settled(), []));
  assert.equal(cleared?.reason, "ClearAssignment");
});

test("standing Events say what the owner has to change", () => {
  const asking = settled({
    annotations: {
      "metallb.universe.tf/address-pool": "nowhere",
      "metallb.io/allow-shared-ip": "a",
      "routelb.io/allow-shared-ip": "b",
    },
  });
  const outcome = outcomeOf(asking);
  const events = outcome === undefined ? [] : standingEvents(asking, outcome);
  assert.deepEqual(
    events.map(({ reason, message }) => `${reason}: ${message}`),
    [
      'AllocationFailed: 10.0.0.1 of pool p stays: the requested pool "nowhere" does not exist: the pools are p, six',
      "ConflictingRequest: annotations routelb.io/allow-shared-ip (b) and metallb.io/allow-shared-ip (a) differ: the first one counts",
      "DeprecatedAnnotation: annotation metallb.universe.tf/address-pool is deprecated: write routelb.io/address-pool",
    ],
  );
});
