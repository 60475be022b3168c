/** Seconds in each unit of a Go duration; the micro sign has two code points. */
const unitSeconds = new Map([
  ["h", 3600],
  ["m", 60],
  ["s", 1],
  ["ms", 1e-3],
  ["us", 1e-6],
  ["\u00b5s", 1e-6],
  ["\u03bcs", 1e-6],
  ["ns", 1e-9],
]);

/**
 * Parses a duration as Go writes it: `90s`, `1m30s`, `1.5h`, `0`.
 *
 * Cut to whole seconds, towards zero, as MetalLB does: `1500ms` is 1.
 *
 * @returns undefined if `text` is no duration, as `120` is not: it lacks a unit
 */
export function parseDurationSeconds(text: string): number | undefined {
  const sign = text.startsWith("-") ? -1 : 1;
  const unsigned = text.replace(/^[-+]/, "");
  if (unsigned === "0") {
    return 0;
  }
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:h|ms|m|s|us|\u00b5s|\u03bcs|ns))+$/.test(unsigned)) {
    return undefined;
  }
  let seconds = 0;
  for (const [, amount, unit] of unsigned.matchAll(/([\d.]+)([a-z\u00b5\u03bc]+)/g)) {
    seconds += Number(amount) * (unitSeconds.get(unit ?? "") ?? 0);
  }
  const whole = Math.trunc(sign * (seconds + 1e-10 * Math.sign(seconds)));
  return whole === 0 ? 0 : whole;
}
