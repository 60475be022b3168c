import type { Segment } from "./capture.ts";

const apiPort = 6443;
const bgpPort = 179;
const markerLength = 16;
const updateType = 2;
/** An UPDATE with nothing in it (RFC 4724 §2). */
const endOfRib = Buffer.from(`${"ff".repeat(markerLength)}00170200000000`, "hex");

/** Whether the segment begins with an UPDATE that says something about routes. */
export function isUpdate({ destinationPort, content }: Segment): boolean {
  return (
    destinationPort === bgpPort &&
    content[markerLength + 2] === updateType &&
    !Buffer.from(content.subarray(0, endOfRib.length)).equals(endOfRib)
  );
}

/**
 * When the segment that ended a node's first End-of-RIB of IPv4 left it, by address. TCP cuts what a
 * speaker writes where it likes, so an End-of-RIB may lie in two segments, which must be whole.
 */
export function endOfRibMs(segments: readonly Segment[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  const tails = new Map<string, Buffer>();
  for (const { source, destinationPort, content, ms } of segments) {
    if (destinationPort !== bgpPort || times.has(source)) {
      continue;
    }
    const octets = Buffer.concat([tails.get(source) ?? Buffer.alloc(0), content]);
    tails.set(source, octets.subarray(-(endOfRib.length - 1)));
    if (octets.includes(endOfRib)) {
      times.set(source, ms);
    }
  }
  return times;
}

/** What the API server sends so long after its last word is another thing: a bookmark came before. */
const pauseMs = 100;
/**
 * A TLS record with the end of an HTTP chunk and nothing else. It follows the chunk of a long change, and
 * may reach a node after the UPDATE has left it; it is nothing of the next change.
 */
const chunkEndLength = 24;

/**
 * The time from the first octet of a change that reached a node to its UPDATE, for each change; in
 * milliseconds. The changes must be so far apart that nothing of the next comes before the UPDATE of
 * the one before.
 */
export function updateDelays(segments: readonly Segment[]): readonly number[] {
  const arrived = new Map<string, number>();
  const latest = new Map<string, number>();
  const delays: number[] = [];
  for (const segment of segments) {
    const { source, sourcePort, destination, ms, length } = segment;
    if (sourcePort === apiPort && length > chunkEndLength) {
      const isNew = ms - (latest.get(destination) ?? -Infinity) > pauseMs;
      if (isNew || !arrived.has(destination)) {
        arrived.set(destination, ms);
      }
      latest.set(destination, ms);
    }
    const since = arrived.get(source);
    if (isUpdate(segment) && since !== undefined) {
      delays.push(ms - since);
      arrived.delete(source);
    }
  }
  return delays;
}

/** The value below which `share` of `values` lie; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
