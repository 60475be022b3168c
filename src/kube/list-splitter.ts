import { GarbageError } from "./client.ts";

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const whitespace = new Set([0x20, 0x09, 0x0a, 0x0d]);
const itemsKey = Buffer.from("items");

/**
 * Takes a Kubernetes list apart while it arrives: `visit` gets the elements of its `items` one by
 * one, and `end` gives the rest (`metadata` with the continue token, or a Status in its place).
 *
 * A server may answer with ten thousand objects in one body, whatever limit was asked for. Parsed
 * whole, they stop the event loop for longer than a BGP or BFD timer forgives, and stand in memory
 * twice; taken apart, no more than one is held.
 *
 * The octets are only scanned for strings and brackets here; that each element is JSON is for
 * JSON.parse to say.
 *
 * @throws GarbageError from `push` and `end` when the body is not one JSON object
 */
export class ListSplitter {
  readonly #visit: (item: unknown) => void;
  readonly #envelope: Uint8Array[] = [];
  readonly #item: Uint8Array[] = [];
  #place: "before-items" | "items" | "item" | "after-items" = "before-items";
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** Octets of the present string at depth 1 that agree with `items` so far; -1: it is another. */
  #matched = -1;
  /** The last string at depth 1 is `items`; whether a colon makes it a key is seen next. */
  #isItems = false;
  #isItemsKey = false;

  constructor(visit: (item: unknown) => void) {
    this.#visit = visit;
  }

  push(chunk: Uint8Array): void {
    /** Where the part of `chunk` begins that belongs to the present item, or to the envelope. */
    let start = 0;
    for (let index = 0; index < chunk.length; index += 1) {
      const octet = chunk[index] ?? 0;
      if (this.#isInString) {
        this.#scanString(octet);
        continue;
      }
      if (this.#place === "before-items" && this.#opensItems(octet)) {
        this.#envelope.push(chunk.subarray(start, index + 1));
        this.#place = "items";
        this.#depth = 2;
        continue;
      }
      if (this.#place === "items") {
        if (octet === openBrace) {
          this.#place = "item";
          start = index;
        } else if (octet === closeBracket) {
          this.#place = "after-items";
          start = index;
        } else if (octet !== comma && !whitespace.has(octet)) {
          throw new GarbageError("a list whose items are not objects");
        }
      }
      this.#scan(octet);
      if (this.#place === "item" && this.#depth === 2) {
        this.#item.push(chunk.subarray(start, index + 1));
        this.#place = "items";
        this.#visit(parse(this.#item));
        this.#item.length = 0;
      }
    }
    if (this.#place === "item") {
      this.#item.push(chunk.subarray(start));
    } else if (this.#place !== "items") {
      this.#envelope.push(chunk.subarray(start));
    }
  }

  /** What the list holds besides its items; `items` itself is empty in it. */
  end(): unknown {
    if (this.#depth !== 0 || this.#isInString) {
      throw new GarbageError("a list that is cut short");
    }
    return parse(this.#envelope);
  }

  #scanString(octet: number): void {
    if (this.#isEscaped) {
      this.#isEscaped = false;
      this.#matched = -1;
    } else if (octet === backslash) {
      this.#isEscaped = true;
    } else if (octet === quote) {
      this.#isInString = false;
      this.#isItems = this.#depth === 1 && this.#matched === itemsKey.length;
    } else if (this.#matched >= 0) {
      this.#matched = itemsKey[this.#matched] === octet ? this.#matched + 1 : -1;
    }
  }

  #scan(octet: number): void {
    if (octet === quote) {
      this.#isInString = true;
      this.#matched = this.#depth === 1 ? 0 : -1;
    } else if (octet === openBrace || octet === openBracket) {
      this.#depth += 1;
    } else if (octet === closeBrace || octet === closeBracket) {
      this.#depth -= 1;
    }
  }

  /** Whether `octet` is the bracket after `"items":` of the list itself. */
  #opensItems(octet: number): boolean {
    if (this.#depth !== 1 || whitespace.has(octet)) {
      return false;
    }
    if (octet === colon) {
      this.#isItemsKey = this.#isItems;
      return false;
    }
    const opens = this.#isItemsKey && octet === openBracket;
    this.#isItemsKey = false;
    return opens;
  }
}

function parse(parts: readonly Uint8Array[]): unknown {
  try {
    return JSON.parse(Buffer.concat(parts).toString("utf8"));
  } catch (error) {
    throw new GarbageError("a list that is not JSON", { cause: error });
  }
}
