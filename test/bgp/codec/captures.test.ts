import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { Framer } from "../../../src/bgp/codec/frame.ts";
import {
  decodeMessage,
  encodeMessage,
  type ReceivedMessage,
} from "../../../src/bgp/codec/message.ts";
import { comparable } from "../../support/updates.ts";

const context = { asnOctets: 4, internal: false } as const;
const folder = join(import.meta.dirname, "../../golden/routers");
const captures = globSync(join(folder, "*.hex")).toSorted();

function decode(octets: Uint8Array): ReceivedMessage {
  const framer = new Framer();
  framer.push(octets);
  const frame = framer.next();
  assert.ok(frame);
  return decodeMessage(frame, context);
}

/** A decoded value as a reader wants it: addresses and octets as text. */
function asText(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString("hex");
  }
  if (typeof value === "bigint") {
    return `0x${value.toString(16)}`;
  }
  if (typeof value === "object" && value !== null) {
    if ("key" in value) {
      return value.key;
    }
    if ("text" in value && "family" in value) {
      return value.text;
    }
  }
  return value;
}

assert.equal(captures.length, 5, "captures of five routers");

for (const file of captures) {
  const name = basename(file, ".hex");
  const messages = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => /^[0-9a-f]+$/.test(line))
    .map((line) => Buffer.from(line, "hex"));

  test(`what ${name} sent is decoded as the golden file says`, (t) => {
    const decoded = messages.map(decode);
    const types = new Set(decoded.map(({ type }) => type));
    assert.ok(types.has("OPEN") && types.has("KEEPALIVE") && types.has("UPDATE"));
    const text = decoded.map((message) => JSON.stringify(comparable(message), asText)).join("\n");
    t.assert.fileSnapshot(text, join(folder, `${name}.decoded.txt`), { serializers: [String] });
  });

  test(`what ${name} sent has no malformed attribute, and is the same after encoding`, () => {
    for (const octets of messages) {
      const message = decode(octets);
      if (message.type === "UPDATE") {
        assert.deepEqual(message.malformed, []);
      }
      assert.deepEqual(decode(encodeMessage(message, context)), message);
    }
  });
}
