import assert from "node:assert/strict";
import { test } from "node:test";
import { diffAdvertised } from "../../src/speaker/changes.ts";

const key = "default/nginx";

test("addresses that come and go are told one by one", () => {
  const before = new Map([
    [key, ["172.16.7.192", "2001:db8::1"]],
    ["default/gone", ["172.16.7.193"]],
  ]);
  const after = new Map([
    [key, ["172.16.7.192", "2001:db8::2"]],
    ["default/new", ["172.16.7.194"]],
  ]);
  assert.deepEqual(diffAdvertised(before, after), {
    added: [
      { service: key, ip: "2001:db8::2" },
      { service: "default/new", ip: "172.16.7.194" },
    ],
    removed: [
      { service: key, ip: "2001:db8::1" },
      { service: "default/gone", ip: "172.16.7.193" },
    ],
  });
});

test("equal decisions differ in nothing", () => {
  const advertised = new Map([[key, ["172.16.7.192"]]]);
  assert.deepEqual(diffAdvertised(advertised, new Map(advertised)), { added: [], removed: [] });
});
