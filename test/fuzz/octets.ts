/** Octets past the end read as 0. */
export function readUint16(octets: Uint8Array, at: number): number {
  return ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);
}

/** A copy with two octets replaced; what would lie past the end is left out. */
export function withUint16(octets: Uint8Array, at: number, value: number): Uint8Array {
  const changed = octets.slice();
  changed[at] = value >>> 8;
  changed[at + 1] = value;
  return changed;
}

export function insertAt(octets: Uint8Array, at: number, more: Uint8Array): Uint8Array {
  return Buffer.concat([octets.subarray(0, at), more, octets.subarray(at)]);
}
