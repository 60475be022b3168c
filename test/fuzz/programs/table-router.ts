/**
 * A router with a full table: it sends its routes to whoever connects, as fast as they are taken,
 * and says when all have left. Then it keeps the session and listens on.
 */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { PathAttributes } from "../../../src/bgp/codec/attribute.ts";
import { encodeMessage } from "../../../src/bgp/codec/message.ts";
import { makeAddress } from "../../../src/net/address.ts";
import { makePrefix } from "../../../src/net/prefix.ts";
import { keepaliveOctets, openOctets } from "../hostile-peer.ts";
import { programOptions, report } from "../program.ts";

export interface TableOptions {
  readonly prefixes: number;
}

export interface TableReport {
  /** In the first report only. */
  readonly port?: number;
  readonly octets: number;
  /** From the first octet handed to TCP to the last. */
  readonly sentAfterMs?: number;
}

const context = { asnOctets: 4, internal: false } as const;
/** As in the real table, few prefixes share their attributes. */
const prefixesPerUpdate = 8;
const keepaliveEveryMs = 10_000;
const updatesPerWrite = 500;

const { prefixes }: TableOptions = JSON.parse(programOptions());

function attributesOf(index: number): PathAttributes {
  const asns = Array.from(
    { length: 2 + (index % 5) },
    (_, hop) => 64512 + ((index * 7 + hop) % 900),
  );
  return {
    origin: "igp",
    asPath: [{ type: "sequence", asns: [64512, ...asns] }],
    nextHop: makeAddress("ipv4", 0xac10_0701n),
    communities: [(64512 << 16) >>> 0, ((64512 << 16) >>> 0) + (index % 500)],
    unknown: [],
  };
}

/** Prefix number `index`, a /24; all differ. */
function prefixOf(index: number) {
  return makePrefix(makeAddress("ipv4", 0x0100_0000n + (BigInt(index) << 8n)), 24);
}

function encodeTable(): Buffer[] {
  const parts: Buffer[] = [];
  let updates: Uint8Array[] = [];
  for (let at = 0; at < prefixes; at += prefixesPerUpdate) {
    const count = Math.min(prefixesPerUpdate, prefixes - at);
    const nlri = Array.from({ length: count }, (_, index) => prefixOf(at + index));
    const attributes = attributesOf(at / prefixesPerUpdate);
    updates.push(encodeMessage({ type: "UPDATE", withdrawn: [], attributes, nlri }, context));
    if (updates.length === updatesPerWrite) {
      parts.push(Buffer.concat(updates));
      updates = [];
    }
  }
  parts.push(Buffer.concat(updates));
  return parts;
}

const parts = encodeTable();
const octets = parts.reduce((total, { length }) => total + length, 0);

async function serve(socket: Socket): Promise<void> {
  socket.on("error", () => undefined);
  socket.resume();
  socket.write(openOctets);
  socket.write(keepaliveOctets);
  const timer = setInterval(() => socket.write(keepaliveOctets), keepaliveEveryMs);
  socket.once("close", () => clearInterval(timer));
  const startMs = performance.now();
  for (const part of parts) {
    if (!socket.write(part) && !socket.destroyed) {
      await Promise.race([once(socket, "drain"), once(socket, "close")]);
    }
  }
  report({ octets, sentAfterMs: performance.now() - startMs } satisfies TableReport);
}

const server = createServer((socket) => {
  void serve(socket);
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  report({ port, octets } satisfies TableReport);
});
