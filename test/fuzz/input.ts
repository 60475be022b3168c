import type { Corpus } from "./corpus.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";

/** A stream of one to four messages, most of them mutated; at times there is only noise. */
export function hostileStream(random: Random, corpus: Corpus): Uint8Array {
  if (random.chance(0.01)) {
    return random.octets(random.below(200));
  }
  const count = random.chance(0.7) ? 1 : random.between(2, 4);
  const messages = Array.from({ length: count }, () => {
    const message = random.pick(random.chance(0.7) ? corpus.updates : corpus.all);
    return random.chance(0.85) ? mutate(message, random, corpus) : message;
  });
  return messages.length === 1 ? (messages[0] ?? new Uint8Array()) : Buffer.concat(messages);
}

/** Cuts a stream as TCP might: whole, at a few places, or into single octets at its start. */
export function chunksOf(stream: Uint8Array, random: Random): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const style = random.below(4);
  let rest = stream;
  while (rest.length > 0) {
    const isTiny = style === 3 && chunks.length < 64;
    const size = style === 0 ? rest.length : isTiny ? 1 : random.between(1, rest.length);
    chunks.push(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  return chunks;
}
