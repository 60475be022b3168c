import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ApiError } from "../../lab/kube/api-error.ts";
import { decodeKubernetesObject } from "../../lab/kube/schema/protobuf.ts";

/** Sent by `kubectl create configmap foo --from-literal=a=b`, 1.32.4. */
const createdConfigMap =
  "6b3873000a0f0a027631120 9436f6e6669674d6170 121d0a130a03666f6f12001a002200 2a00320038004200 12060a01611201621a002200";

function octets(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

test("a ConfigMap as kubectl 1.32 sends it is decoded; what is empty means nothing", () => {
  assert.deepEqual(JSON.parse(JSON.stringify(decodeKubernetesObject(octets(createdConfigMap)))), {
    kind: "ConfigMap",
    apiVersion: "v1",
    metadata: { name: "foo" },
    data: { a: "b" },
  });
});

test("any octets give an object or 415", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (noise, withKind) => {
      const kind = withKind ? "0a130a0276311 20d 53657276696365" : "";
      const body = Buffer.concat([octets(`6b387300${kind}`), noise]);
      try {
        decodeKubernetesObject(body);
      } catch (error) {
        assert.ok(error instanceof ApiError && error.code === 415, String(error));
      }
    }),
  );
});

test("a field that is not known here is refused, not dropped", () => {
  // ConfigMap, field 9: 1.
  const body = octets("6b387300 0a0f0a0276311209436f6e6669674d6170 1202 4801");
  assert.throws(() => decodeKubernetesObject(body), /field 9 of ConfigMap/);
});
