/**
 * A big-endian buffer that grows. A length prefix is written when its field ends, so that no
 * encoder computes a length in advance.
 */
export class Writer {
  #octets: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 64) {
    this.#octets = new Uint8Array(capacity);
  }

  /** Octets written so far. */
  get length(): number {
    return this.#length;
  }

  uint8(value: number): void {
    const at = this.#claim(1);
    this.#octets[at] = value;
  }

  uint16(value: number): void {
    const at = this.#claim(2);
    this.#octets[at] = value >>> 8;
    this.#octets[at + 1] = value;
  }

  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value & 0xffff);
  }

  /** The `count` (0 to 4) high octets of a 32-bit number: a prefix at little cost. */
  highOctets(value: number, count: number): void {
    const at = this.#claim(count);
    const octets = this.#octets;
    for (let index = 0; index < count; index += 1) {
      octets[at + index] = value >>> (24 - 8 * index);
    }
  }

  uint64(value: bigint): void {
    this.uint32(Number(value >> 32n));
    this.uint32(Number(value & 0xffff_ffffn));
  }

  bytes(octets: Uint8Array): void {
    const at = this.#claim(octets.length);
    this.#octets.set(octets, at);
  }

  /**
   * Runs `writeField` with its length before it, in one octet.
   *
   * @throws RangeError if the field has more than 255 octets
   */
  field8(writeField: () => void): void {
    const at = this.#claim(1);
    writeField();
    const length = this.#length - at - 1;
    if (length > 0xff) {
      throw new RangeError(`a field of ${length} octets behind a length of one octet`);
    }
    this.#octets[at] = length;
  }

  /**
   * Runs `writeField` with its length before it, in two octets.
   *
   * @throws RangeError if the field has more than 65,535 octets
   */
  field16(writeField: () => void): void {
    const at = this.#claim(2);
    writeField();
    this.patchUint16(at, this.#length - at - 2);
  }

  /**
   * Overwrites two octets that were written before.
   *
   * @throws RangeError if `value` takes more than two octets
   */
  patchUint16(at: number, value: number): void {
    if (value > 0xffff) {
      throw new RangeError(`${value} in a field of two octets`);
    }
    this.#octets[at] = value >>> 8;
    this.#octets[at + 1] = value;
  }

  /** What was written: a copy, so that the writer can go on. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#octets.slice(0, this.#length);
  }

  #claim(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#octets.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#octets.length * 2));
      grown.set(this.#octets);
      this.#octets = grown;
    }
    return at;
  }
}
