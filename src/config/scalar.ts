import type { Scalar } from "./yaml-tree.ts";

/**
 * How YAML 1.1 reads plain scalars, as MetalLB's parser does: files are older than YAML 1.2's wide
 * use, and `auto-assign: no` must stay false.
 */

const trueText = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const falseText = /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;

/** @returns undefined if the scalar is no boolean, or in quotes */
export function scalarBoolean(scalar: Scalar): boolean | undefined {
  if (scalar.quoted) {
    return undefined;
  }
  return trueText.test(scalar.text) ? true : falseText.test(scalar.text) ? false : undefined;
}

/**
 * The number that a plain scalar writes: decimal, `0x` hexadecimal, `0b` binary, octal with a leading
 * `0` or `0o`, or a decimal fraction; underscores may group digits.
 *
 * @returns undefined if the scalar is no number, or in quotes
 */
export function scalarNumber(scalar: Scalar): number | undefined {
  if (scalar.quoted || !/^[-+.\d]/.test(scalar.text)) {
    return undefined;
  }
  const plain = scalar.text.replaceAll("_", "");
  const sign = plain.startsWith("-") ? -1 : 1;
  const digits = plain.replace(/^[-+]/, "");
  if (/^0[0-7]+$/.test(digits)) {
    return sign * Number.parseInt(digits, 8);
  }
  if (/^0[xX][\da-fA-F]+$|^0[bB][01]+$|^0[oO][0-7]+$/.test(digits)) {
    return sign * Number(digits.toLowerCase());
  }
  return /^(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/.test(digits)
    ? sign * Number(digits)
    : undefined;
}
