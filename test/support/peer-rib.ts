import assert from "node:assert/strict";
import type { AttributeContext, PathAttributes } from "../../src/bgp/codec/attribute.ts";
import { Framer } from "../../src/bgp/codec/frame.ts";
import { decodeMessage } from "../../src/bgp/codec/message.ts";
import { endOfRibFamily, type ReceivedUpdate } from "../../src/bgp/codec/update.ts";
import type { AddressFamily } from "../../src/net/address.ts";

/** What a router keeps of the messages that it gets; it refuses what is malformed or out of order. */
export class PeerRib {
  readonly #framer = new Framer();
  readonly #context: AttributeContext;
  readonly #maxMessageOctets: number;
  /** Attributes without NEXT_HOP, by prefix. */
  readonly routes = new Map<string, PathAttributes>();
  readonly endOfRib: AddressFamily[] = [];
  readonly refreshes: number[] = [];
  updates = 0;

  constructor(context: AttributeContext, maxMessageOctets = 4096) {
    this.#context = context;
    this.#maxMessageOctets = maxMessageOctets;
  }

  take(octets: Uint8Array): void {
    this.#framer.push(octets);
    for (let frame = this.#framer.next(); frame !== undefined; frame = this.#framer.next()) {
      assert.ok(frame.body.length + 19 <= this.#maxMessageOctets, "a message above the limit");
      const message = decodeMessage(frame, this.#context);
      if (message.type === "ROUTE-REFRESH") {
        this.refreshes.push(message.subtype);
      } else {
        assert.equal(message.type, "UPDATE");
        this.#update(message);
      }
    }
  }

  #update(update: ReceivedUpdate): void {
    assert.deepEqual(update.malformed, []);
    this.updates += 1;
    const family = endOfRibFamily(update);
    if (family !== undefined) {
      this.endOfRib.push(family);
      return;
    }
    const { mpReach, mpUnreach, ...attributes } = update.attributes;
    const unreachable = mpUnreach?.type === "unicast" ? mpUnreach.prefixes : [];
    for (const { key } of [...update.withdrawn, ...unreachable]) {
      assert.ok(this.routes.delete(key), `${key} withdrawn, but it was never advertised`);
    }
    const reachable = mpReach?.type === "unicast" ? mpReach.prefixes : [];
    for (const { key } of [...update.nlri, ...reachable]) {
      this.routes.set(key, attributes);
    }
  }
}
