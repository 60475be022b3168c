import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { encodeMessage } from "../../src/bgp/codec/message.ts";
import * as arbitrary from "../support/bgp-arbitraries.ts";

/** Whole, well-formed messages: what the fuzzer starts from. */
export interface Corpus {
  readonly all: readonly Uint8Array[];
  readonly opens: readonly Uint8Array[];
  readonly updates: readonly Uint8Array[];
}

const generatedMessages = 600;
/** So that half of what is mutated was sent by a real router. */
const goldenShare = 20;
const typeAt = 18;

/** What real routers sent (`test/golden`), and messages with every field that we know. */
export function loadCorpus(): Corpus {
  const golden = goldenMessages();
  const all = [...Array.from({ length: goldenShare }, () => golden).flat(), ...generated()];
  return {
    all,
    opens: all.filter((message) => message[typeAt] === 1),
    updates: all.filter((message) => message[typeAt] === 2),
  };
}

/** Every run of hex digits in the captures that starts with a marker. */
export function goldenMessages(): Uint8Array[] {
  return globSync(join(import.meta.dirname, "../golden/**/*.hex")).flatMap((file) =>
    (readFileSync(file, "utf8").match(/\bf{32}[0-9a-f]+\b/g) ?? []).flatMap((hex) =>
      split(Buffer.from(hex, "hex")),
    ),
  );
}

/** Cuts a stream of well-formed messages. */
function split(stream: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  let rest = stream;
  while (rest.length >= 19) {
    const [high = 0, low = 0] = rest.subarray(16);
    const length = Math.max(19, (high << 8) | low);
    messages.push(Uint8Array.from(rest.subarray(0, length)));
    rest = rest.subarray(length);
  }
  return messages;
}

function generated(): Uint8Array[] {
  const encoded = arbitrary.context.chain((context) =>
    arbitrary.message(context).map((message) => encodeMessage(message, context)),
  );
  return fc.sample(encoded, { seed: 7, numRuns: generatedMessages });
}
