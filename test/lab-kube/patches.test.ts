import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ApiError } from "../../lab/kube/api-error.ts";
import { isObject, type Json, type JsonObject, sameJson } from "../../lab/kube/json.ts";
import { applyJsonPatch } from "../../lab/kube/patch/json-patch.ts";
import { applyMergePatch } from "../../lab/kube/patch/merge.ts";
import { applyStrategicPatch } from "../../lab/kube/patch/strategic.ts";

test("a merge patch sets, merges and removes (RFC 7396)", () => {
  const target = { title: "a", author: { given: "b", family: "c" }, tags: [1, 2], phone: "x" };
  const patch = { title: "z", phone: null, author: { family: null }, tags: [3], new: { a: null } };
  assert.deepEqual(applyMergePatch(target, patch), {
    title: "z",
    author: { given: "b" },
    tags: [3],
    new: {},
  });
});

const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(true, 1, "a", "b"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "c"), tie("value"), { maxKeys: 3 }),
  ),
})).value;

test("a merge patch applied twice is the same as once", () => {
  fc.assert(
    fc.property(json, json, (target, patch) => {
      const once = applyMergePatch(target, patch);
      assert.ok(sameJson(applyMergePatch(once, patch), once));
    }),
  );
});

test("a JSON patch replaces whole documents, and test lets through only what is there", () => {
  fc.assert(
    fc.property(json, json, (document, value) => {
      assert.deepEqual(applyJsonPatch(document, [{ op: "replace", path: "", value }]), value);
      assert.deepEqual(
        applyJsonPatch(document, [{ op: "test", path: "", value: document }]),
        document,
      );
    }),
  );
});

const operations: readonly (readonly [string, JsonObject, JsonObject, Json])[] = [
  ["add a member", { a: 1 }, { op: "add", path: "/b", value: 2 }, { a: 1, b: 2 }],
  ["insert into a list", { a: [1, 3] }, { op: "add", path: "/a/1", value: 2 }, { a: [1, 2, 3] }],
  ["append to a list", { a: [1] }, { op: "add", path: "/a/-", value: 2 }, { a: [1, 2] }],
  ["remove a member", { a: 1, b: 2 }, { op: "remove", path: "/a" }, { b: 2 }],
  ["remove from a list", { a: [1, 2] }, { op: "remove", path: "/a/0" }, { a: [2] }],
  ["replace", { a: { b: 1 } }, { op: "replace", path: "/a/b", value: 2 }, { a: { b: 2 } }],
  ["move", { a: 1 }, { op: "move", from: "/a", path: "/b" }, { b: 1 }],
  ["copy", { a: 1 }, { op: "copy", from: "/a", path: "/b" }, { a: 1, b: 1 }],
  ["escaped names", { "a/b": 1, "~": 2 }, { op: "remove", path: "/a~1b" }, { "~": 2 }],
];

for (const [name, document, operation, result] of operations) {
  test(`a JSON patch can ${name}`, () => {
    assert.deepEqual(applyJsonPatch(document, [operation]), result);
  });
}

const misfits: readonly JsonObject[] = [
  { op: "remove", path: "/none" },
  { op: "replace", path: "/none", value: 1 },
  { op: "add", path: "/none/a", value: 1 },
  { op: "add", path: "/list/7", value: 1 },
  { op: "remove", path: "/list/-1" },
  { op: "test", path: "/list", value: 1 },
  { op: "move", from: "/none", path: "/a" },
];

for (const operation of misfits) {
  test(`a JSON patch that does not fit is refused with 422: ${JSON.stringify(operation)}`, () => {
    assert.throws(
      () => applyJsonPatch({ list: [1] }, [operation]),
      (error) => error instanceof ApiError && error.code === 422,
    );
  });
}

test("a malformed JSON patch is refused with 400", () => {
  for (const patch of [{}, [{ op: "grow", path: "/a" }], [{ op: "add", path: "a", value: 1 }]]) {
    assert.throws(
      () => applyJsonPatch({}, patch),
      (error) => error instanceof ApiError && error.code === 400,
    );
  }
});

const service: JsonObject = {
  spec: { ports: [{ port: 80, nodePort: 30080 }, { port: 443 }], selector: { a: "1" } },
  status: { conditions: [{ type: "A", status: "True", reason: "Old" }] },
};

test("a strategic patch merges Service ports by port and conditions by type", () => {
  const patch = {
    spec: { ports: [{ port: 443, name: "tls" }] },
    status: { conditions: [{ type: "A", status: "False" }, { type: "B" }] },
  };
  assert.deepEqual(applyStrategicPatch(service, patch), {
    spec: {
      ports: [
        { port: 80, nodePort: 30080 },
        { port: 443, name: "tls" },
      ],
      selector: { a: "1" },
    },
    status: { conditions: [{ type: "A", status: "False", reason: "Old" }, { type: "B" }] },
  });
});

test("a strategic patch deletes, replaces and orders entries of merging lists", () => {
  const remove = { spec: { ports: [{ $patch: "delete", port: 80 }] } };
  assert.deepEqual(portsOf(applyStrategicPatch(service, remove)), [{ port: 443 }]);
  const replace = { spec: { ports: [{ $patch: "replace" }, { port: 1 }] } };
  assert.deepEqual(portsOf(applyStrategicPatch(service, replace)), [{ port: 1 }]);
  const order = { spec: { "$setElementOrder/ports": [{ port: 443 }, { port: 80 }] } };
  assert.deepEqual(portsOf(applyStrategicPatch(service, order)), [
    { port: 443 },
    { port: 80, nodePort: 30080 },
  ]);
});

test("a strategic patch merges containers by name and their ports by containerPort", () => {
  const pod = (container: JsonObject): JsonObject => ({ spec: { containers: [container] } });
  const before = pod({ name: "a", image: "x", ports: [{ containerPort: 80 }], args: ["1"] });
  const patch = pod({ name: "a", ports: [{ containerPort: 81 }], args: ["2"] });
  assert.deepEqual(
    applyStrategicPatch(before, patch),
    pod({
      name: "a",
      image: "x",
      ports: [{ containerPort: 80 }, { containerPort: 81 }],
      args: ["2"],
    }),
  );
});

test("a strategic patch replaces lists that do not merge, taints and ingress among them", () => {
  const before = { spec: { taints: [{ key: "a" }] }, status: { ingress: [{ ip: "1" }] } };
  const patch = { spec: { taints: [{ key: "b" }] }, status: { ingress: [] } };
  assert.deepEqual(applyStrategicPatch(before, patch), patch);
});

test("a strategic patch adds to finalizers and takes from them", () => {
  const before = { metadata: { finalizers: ["a", "b"] } };
  const added = applyStrategicPatch(before, { metadata: { finalizers: ["c", "a"] } });
  assert.deepEqual(added, { metadata: { finalizers: ["a", "b", "c"] } });
  const taken = { metadata: { "$deleteFromPrimitiveList/finalizers": ["a"] } };
  assert.deepEqual(applyStrategicPatch(before, taken), { metadata: { finalizers: ["b"] } });
});

test("a strategic patch can replace an object, and keep only named fields of one", () => {
  const before = { spec: { strategy: { type: "RollingUpdate", rollingUpdate: {} } } };
  const retain = { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } };
  assert.deepEqual(applyStrategicPatch(before, retain), {
    spec: { strategy: { type: "Recreate" } },
  });
  const replace = { spec: { $patch: "replace", a: 1 } };
  assert.deepEqual(applyStrategicPatch(before, replace), { spec: { a: 1 } });
});

test("an entry without its merge key, and an unknown directive, are refused with 400", () => {
  const patches: readonly JsonObject[] = [
    { spec: { ports: [{ name: "x" }] } },
    { spec: { $patch: "grow" } },
  ];
  for (const patch of patches) {
    assert.throws(
      () => applyStrategicPatch(service, patch),
      (error) => error instanceof ApiError && error.code === 400,
    );
  }
});

function portsOf(object: JsonObject): Json | undefined {
  const { spec } = object;
  return isObject(spec) ? spec["ports"] : undefined;
}
