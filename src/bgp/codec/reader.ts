/**
 * A big-endian cursor over one field. It never leaves the field: running off its end throws the
 * error that it was given, so a decoder holds no bounds checks of its own.
 */
export class Reader {
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  readonly #whenShort: () => Error;
  #offset = 0;

  constructor(octets: Uint8Array, whenShort: () => Error) {
    this.#octets = octets;
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
    this.#whenShort = whenShort;
  }

  get remaining(): number {
    return this.#octets.length - this.#offset;
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  uint64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** The next `length` octets: a view, not a copy. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#octets.subarray(at, at + length);
  }

  /** All that is left: a view, not a copy. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** What `take` takes: a view, not a copy. */
  taken(take: () => void): Uint8Array {
    const from = this.#offset;
    take();
    return this.#octets.subarray(from, this.#offset);
  }

  /** A reader of the next `length` octets, which throws `whenShort` at its own end. */
  field(length: number, whenShort: () => Error = this.#whenShort): Reader {
    return new Reader(this.bytes(length), whenShort);
  }

  #take(count: number): number {
    const at = this.#offset;
    if (count > this.remaining) {
      throw this.#whenShort();
    }
    this.#offset = at + count;
    return at;
  }
}
