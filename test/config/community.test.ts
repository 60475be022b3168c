import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommunity } from "../../src/config/community.ts";

test("a standard community is one number of 32 bits", () => {
  assert.deepEqual(parseCommunity("64512:1"), { type: "standard", value: 0xfc000001 });
  assert.deepEqual(parseCommunity("65535:65535"), { type: "standard", value: 0xffffffff });
  assert.deepEqual(parseCommunity("007:0"), { type: "standard", value: 0x70000 });
});

test("a large community is three numbers of 32 bits", () => {
  assert.deepEqual(parseCommunity("large:4294967295:0:7"), {
    type: "large",
    value: [4294967295, 0, 7],
  });
});

test("well-known names are those that routers know", () => {
  assert.deepEqual(parseCommunity("no-export"), { type: "standard", value: 0xffffff01 });
  assert.deepEqual(parseCommunity("graceful-shutdown"), { type: "standard", value: 0xffff0000 });
  assert.deepEqual(parseCommunity("blackhole"), { type: "standard", value: 0xffff029a });
});

for (const written of [
  "",
  "1",
  "1:2:3",
  "65536:1",
  "1:65536",
  "-1:1",
  "+1:1",
  "1: 1",
  "0x1:1",
  "large:1:2",
  "large:1:2:3:4",
  "large:1:2:4294967296",
  "No-Export",
]) {
  test(`"${written}" is no community`, () => {
    assert.equal(parseCommunity(written), undefined);
  });
}
