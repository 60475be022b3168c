import { nextTurn } from "./clock.ts";

/** So many elements of a list are written in one turn of the event loop. */
const elementsPerTurn = 200;

/**
 * The JSON text of `value`, in pieces, with a turn of the event loop after each: ten thousand routes
 * in one JSON.stringify would hold up the BGP timers. The lists that are taken apart are those in
 * the first two levels.
 */
export async function* jsonPieces(
  value: object,
  depth = 0,
): AsyncGenerator<string, void, undefined> {
  if (Array.isArray(value)) {
    yield "[";
    for (let start = 0; start < value.length; start += elementsPerTurn) {
      const part = JSON.stringify(value.slice(start, start + elementsPerTurn)).slice(1, -1);
      yield start === 0 ? part : `,${part}`;
      await nextTurn();
    }
    yield "]";
    return;
  }
  let separator = "{";
  for (const [key, field] of Object.entries(value)) {
    if (field === undefined || typeof field === "function") {
      continue;
    }
    yield `${separator}${JSON.stringify(key)}:`;
    separator = ",";
    if (typeof field === "object" && field !== null && depth < 2) {
      yield* jsonPieces(field, depth + 1);
    } else {
      yield JSON.stringify(field);
    }
  }
  yield separator === "{" ? "{}" : "}";
}
