/**
 * The word of `known` that a misspelt `word` most likely meant; undefined if none is near.
 *
 * Case, dashes and underscores do not count, so that `bfdProfile` finds `bfd-profile`.
 */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  const wanted = letters(word);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const distance = wordDistance(wanted, letters(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** A beginning of a word is one step from the whole: `hold` means `hold-time`. */
function wordDistance(wanted: string, candidate: string): number {
  const isBeginning = wanted.length > 2 && candidate.startsWith(wanted);
  return isBeginning ? 1 : editDistance(wanted, candidate);
}

function letters(word: string): string {
  return word.toLowerCase().replaceAll(/[-_]/g, "").slice(0, 100);
}

/** How many letters must be added, removed or replaced (Levenshtein). */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const removed = (previous[column] ?? 0) + 1;
      const added = (current[column - 1] ?? 0) + 1;
      current.push(Math.min(replaced, removed, added));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
