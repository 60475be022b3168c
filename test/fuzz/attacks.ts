import { NotificationError } from "../../src/bgp/codec/error.ts";
import { Framer } from "../../src/bgp/codec/frame.ts";
import { Safi } from "../../src/bgp/codec/iana.ts";
import { decodeMessage, encodeMessage } from "../../src/bgp/codec/message.ts";
import type { Corpus } from "./corpus.ts";
import { type HostilePeer, keepaliveOctets, openOctets } from "./hostile-peer.ts";
import { chunksOf, hostileStream } from "./input.ts";
import { mutate } from "./mutate.ts";
import { insertAt, withUint16 } from "./octets.ts";
import type { Random } from "./random.ts";

/** One way to use a connection; it ends with the connection. Answers how many inputs it gave. */
export type Attack = (peer: HostilePeer, random: Random, corpus: Corpus) => Promise<number>;

const context = { asnOctets: 4, internal: false } as const;
const maxStreams = 500;
/** Beyond one write of TCP, so that the speaker has to read on. */
const floodOctets = 512 * 1024;

const routeRefresh = encodeMessage(
  { type: "ROUTE-REFRESH", afi: 1, safi: Safi.Unicast, subtype: 0 },
  context,
);

/**
 * Streams that are mostly wrong, until one of them must end the connection: by an error, or by a
 * type that is out of place in `state`. What would come after it would not be looked at.
 */
async function sendStreams(
  peer: HostilePeer,
  random: Random,
  corpus: Corpus,
  state: "established" | "other",
): Promise<number> {
  const framer = new Framer();
  let count = 0;
  let isOver = false;
  while (!isOver && count < maxStreams && !peer.isClosed) {
    const stream = hostileStream(random, corpus);
    count += 1;
    isOver = endsConnection(framer, stream, state);
    for (const chunk of chunksOf(stream, random)) {
      await peer.send(chunk);
    }
  }
  await peer.awaitClose(isOver ? 1_000 : 100);
  return count;
}

function endsConnection(
  framer: Framer,
  stream: Uint8Array,
  state: "established" | "other",
): boolean {
  framer.push(stream);
  try {
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
      const { type } = decodeMessage(frame, context);
      if (state === "other" || type === "OPEN" || type === "NOTIFICATION") {
        return true;
      }
    }
    return false;
  } catch (error) {
    if (error instanceof NotificationError) {
      return true;
    }
    throw error;
  }
}

async function inEstablished(peer: HostilePeer, random: Random, corpus: Corpus): Promise<number> {
  await peer.establish();
  return sendStreams(peer, random, corpus, "established");
}

async function inOpenConfirm(peer: HostilePeer, random: Random, corpus: Corpus): Promise<number> {
  await peer.open();
  return sendStreams(peer, random, corpus, "other");
}

async function inOpenSent(peer: HostilePeer, random: Random, corpus: Corpus): Promise<number> {
  return sendStreams(peer, random, corpus, "other");
}

async function badOpen(peer: HostilePeer, random: Random, corpus: Corpus): Promise<number> {
  const open = random.chance(0.5) ? openOctets : random.pick(corpus.opens);
  await peer.send(mutate(open, random, corpus));
  await peer.send(keepaliveOctets);
  return 1 + (await sendStreams(peer, random, corpus, "other"));
}

/** RST or FIN as soon as the speaker is in some state, or in the midst of a message. */
async function abruptEnd(peer: HostilePeer, random: Random, corpus: Corpus): Promise<number> {
  const depth = random.below(5);
  if (depth === 1) {
    await peer.pause(random.below(5));
  } else if (depth === 2) {
    await peer.open();
  } else if (depth > 2) {
    await peer.establish();
  }
  if (depth === 4) {
    const message = random.pick(corpus.updates);
    await peer.send(message.subarray(0, random.below(message.length)));
  }
  if (random.chance(0.7)) {
    peer.reset();
  } else {
    peer.finish();
    await peer.awaitClose();
  }
  return 1;
}

/** Says nothing, in some state. */
async function silence(peer: HostilePeer, random: Random): Promise<number> {
  if (random.chance(0.3)) {
    await peer.open();
  } else if (random.chance(0.5)) {
    await peer.establish();
  }
  await peer.awaitClose();
  return 1;
}

/** A long message, octet by octet: never a whole one before the Hold timer. */
async function slowLoris(peer: HostilePeer, random: Random): Promise<number> {
  if (random.chance(0.8)) {
    await peer.establish();
  }
  const header = withUint16(Buffer.concat([keepaliveOctets, Uint8Array.of(0)]), 16, 65_535);
  header[18] = 2;
  for (const octet of insertAt(header, header.length, random.octets(400))) {
    if (peer.isClosed) {
      break;
    }
    await peer.send(Uint8Array.of(octet));
    await peer.pause(random.between(1, 5));
  }
  await peer.awaitClose();
  return 1;
}

/** As many messages as fit, each small and in order. */
async function flood(peer: HostilePeer, random: Random, corpus: Corpus): Promise<number> {
  await peer.establish();
  const refreshes = random.chance(0.5) ? routeRefresh : keepaliveOctets;
  const message = random.chance(0.6) ? refreshes : random.pick(corpus.updates);
  if (random.chance(0.4)) {
    peer.stopReading();
  }
  const part = Buffer.concat(Array.from({ length: 200 }, () => message));
  for (let sent = 0; sent < floodOctets && !peer.isClosed; sent += part.length) {
    await peer.send(part);
  }
  await peer.awaitClose(300);
  return 1;
}

/** The most prefixes that a message can hold: 65,512 times 0.0.0.0/0, each one octet. */
const packedWithdrawals = encodeMessage(
  {
    type: "UPDATE",
    withdrawn: Array.from({ length: 65_512 }, () => ({
      family: "ipv4" as const,
      address: { family: "ipv4" as const, value: 0n, text: "0.0.0.0" },
      length: 0,
      key: "0.0.0.0/0",
    })),
    attributes: { unknown: [] },
    nlri: [],
  },
  context,
);

async function largestMessages(peer: HostilePeer, random: Random): Promise<number> {
  await peer.establish();
  const count = random.between(1, 8);
  for (let sent = 0; sent < count; sent += 1) {
    await peer.send(packedWithdrawals);
  }
  await peer.awaitClose(300);
  return count;
}

/** Takes nothing while it asks for everything again and again. */
async function deafRefresher(peer: HostilePeer, random: Random): Promise<number> {
  await peer.establish();
  peer.stopReading();
  const part = Buffer.concat(Array.from({ length: random.between(1, 500) }, () => routeRefresh));
  for (let round = 0; round < 20 && !peer.isClosed; round += 1) {
    await peer.send(part);
    await peer.send(keepaliveOctets);
    await peer.pause(50);
  }
  await peer.awaitClose();
  return 1;
}

interface WeightedAttack {
  readonly name: string;
  readonly weight: number;
  readonly run: Attack;
}

const attacks: readonly WeightedAttack[] = [
  { name: "in-established", weight: 40, run: inEstablished },
  { name: "in-open-confirm", weight: 12, run: inOpenConfirm },
  { name: "in-open-sent", weight: 12, run: inOpenSent },
  { name: "bad-open", weight: 20, run: badOpen },
  { name: "abrupt-end", weight: 10, run: abruptEnd },
  { name: "silence", weight: 2, run: silence },
  { name: "slow-loris", weight: 1, run: slowLoris },
  { name: "flood", weight: 1, run: flood },
  { name: "largest-messages", weight: 1, run: largestMessages },
  { name: "deaf-refresher", weight: 1, run: deafRefresher },
];

const drawn = attacks.flatMap((attack) => Array.from({ length: attack.weight }, () => attack));

/** The attack of one connection. */
export function drawAttack(random: Random): WeightedAttack {
  return random.pick(drawn);
}
