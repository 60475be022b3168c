const unitSeconds: ReadonlyMap<string, number> = new Map([
  ["ms", 0.001],
  ["s", 1],
  ["m", 60],
  ["h", 3600],
]);

/**
 * Parses a duration as Go and Kubernetes write it: `15s`, `1m30s`, `1.5h`, `500ms`, `0`.
 *
 * @returns seconds, or undefined if `text` is something else (a number needs its unit)
 */
export function parseDurationSeconds(text: string): number | undefined {
  if (text === "0") {
    return 0;
  }
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) {
    return undefined;
  }
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    seconds += Number(count) * (unitSeconds.get(unit ?? "") ?? Number.NaN);
  }
  return seconds;
}
