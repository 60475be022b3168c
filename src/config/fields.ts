import { keyPath, type Place, type Report, shown } from "./finding.ts";
import { nearestWord } from "./nearest.ts";
import { scalarBoolean, scalarNumber } from "./scalar.ts";
import { renamedKeys } from "./schema.ts";
import { type Entry, isNull, type Tree } from "./yaml-tree.ts";

/** Makes a value of a tree, or reports what is wrong with it and returns undefined. */
export type Reader<T> = (tree: Tree, report: Report) => T | undefined;

/** The fields of one mapping. A field that is null or "" counts as absent, as in MetalLB. */
export interface Fields<Key extends string> {
  /** undefined if the field is absent, or wrong and reported. */
  readonly optional: <T>(key: Key, read: Reader<T>) => T | undefined;
  /** `fallback` if the field is absent; undefined if it is wrong and reported. */
  readonly withDefault: <T>(key: Key, read: Reader<T>, fallback: NoInfer<T>) => T | undefined;
  /**
   * Reports an absent field, with `what` it ought to be, unless an unknown key that was reported
   * looks like it; undefined if it is absent or wrong.
   */
  readonly required: <T>(key: Key, read: Reader<T>, what: string) => T | undefined;
  readonly isPresent: (key: Key) => boolean;
  /** Also true of a field that counts as absent, but stands there. */
  readonly isWritten: (key: Key) => boolean;
  /** The place of the field's value; of the mapping, if the field is absent. */
  readonly placeOf: (key: Key) => Place;
}

/**
 * Opens a mapping: reports every key that is not in `known`, with the nearest that is.
 *
 * A null counts as an empty mapping.
 *
 * @returns undefined, and reports it, if `tree` is no mapping
 */
export function readFields<const Key extends string>(
  tree: Tree,
  known: readonly Key[],
  report: Report,
): Fields<Key> | undefined {
  if (tree.type !== "mapping" && !isNull(tree)) {
    report(tree, `is ${kindOf(tree)}, not a mapping with the keys ${known.join(", ")}`);
    return undefined;
  }
  const entries = new Map<string, Entry>();
  const misspelt = new Set<string>();
  for (const entry of tree.type === "mapping" ? tree.entries : []) {
    if (known.some((key) => key === entry.key)) {
      entries.set(entry.key, entry);
      continue;
    }
    const meant = meantKey(entry.key, known);
    if (meant === undefined) {
      report(entry.place, `unknown key; the keys here are ${known.join(", ")}`);
    } else {
      misspelt.add(meant);
      report(entry.place, `unknown key; did you mean ${meant}?`);
    }
  }
  const present = (key: Key): Entry | undefined => {
    const entry = entries.get(key);
    return entry === undefined || isAbsent(entry.value) ? undefined : entry;
  };
  return {
    optional: (key, read) => {
      const entry = present(key);
      return entry === undefined ? undefined : read(entry.value, report);
    },
    withDefault: (key, read, fallback) => {
      const entry = present(key);
      return entry === undefined ? fallback : read(entry.value, report);
    },
    required: (key, read, what) => {
      const entry = present(key);
      if (entry === undefined && misspelt.has(key)) {
        return undefined;
      }
      if (entry === undefined) {
        const at = entries.get(key)?.place.at ?? tree.at;
        report({ at, path: keyPath(tree.path, key) }, `is missing: ${what}`);
        return undefined;
      }
      return read(entry.value, report);
    },
    isPresent: (key) => present(key) !== undefined,
    isWritten: (key) => entries.has(key),
    placeOf: (key) => entries.get(key)?.value ?? { at: tree.at, path: keyPath(tree.path, key) },
  };
}

function isAbsent(tree: Tree): boolean {
  return isNull(tree) || (tree.type === "scalar" && tree.text === "");
}

function meantKey(key: string, known: readonly string[]): string | undefined {
  const renamed = renamedKeys.get(key);
  return renamed !== undefined && known.includes(renamed) ? renamed : nearestWord(key, known);
}

function kindOf(tree: Tree): string {
  switch (tree.type) {
    case "mapping":
      return "a mapping";
    case "sequence":
      return "a list";
    case "scalar":
      return isNull(tree) ? "empty" : "a single value";
  }
}

/** A scalar as text, whatever it looks like: `name: 1` is "1", as in MetalLB. A null is "". */
export const text: Reader<string> = (tree, report) => {
  if (tree.type !== "scalar") {
    report(tree, `is ${kindOf(tree)}, not a single value`);
    return undefined;
  }
  return isNull(tree) ? "" : tree.text;
};

/** A text of at least one character. */
export function nonEmptyText(what: string): Reader<string> {
  return (tree, report) => {
    const value = text(tree, report);
    if (value === "") {
      report(tree, `is empty: ${what}`);
      return undefined;
    }
    return value;
  };
}

/** `parse` makes a value of the text, or undefined; then `what` tells what would be right. */
export function parsedText<T>(parse: (value: string) => T | undefined, what: string): Reader<T> {
  return (tree, report) => {
    const value = text(tree, report);
    if (value === undefined) {
      return undefined;
    }
    const parsed = parse(value);
    if (parsed === undefined) {
      report(tree, `${shown(value)} is wrong: ${what}`);
    }
    return parsed;
  };
}

export function oneOf<const T extends string>(words: readonly T[]): Reader<T> {
  return (tree, report) => {
    const value = text(tree, report);
    const word = words.find((candidate) => candidate === value);
    if (value !== undefined && word === undefined) {
      report(tree, `${shown(value)} is not one of ${words.join(", ")}`);
    }
    return word;
  };
}

export const boolean: Reader<boolean> = (tree, report) => {
  const value = tree.type === "scalar" ? scalarBoolean(tree) : undefined;
  if (value === undefined) {
    const what = tree.type === "scalar" ? shown(tree.text) : `is ${kindOf(tree)}: it`;
    const quoted = tree.type === "scalar" && tree.quoted ? " without quotes" : "";
    report(tree, `${what} must be true or false${quoted}`);
  }
  return value;
};

/** `what` reads like `an AS number is 1 to 4294967295`. */
export interface NumberRule {
  readonly min: number;
  readonly max: number;
  readonly what: string;
  /** Refuses a decimal point even before zeros: in an AS number it could be asdot (RFC 5396). */
  readonly noPoint?: boolean;
}

export function wholeNumber(rule: NumberRule): Reader<number> {
  return (tree, report) => {
    if (tree.type !== "scalar") {
      report(tree, `is ${kindOf(tree)}: ${rule.what}`);
      return undefined;
    }
    const value = scalarNumber(tree);
    if (value === undefined) {
      const unquoted = scalarNumber({ ...tree, quoted: false });
      const why = unquoted === undefined ? "is not a number" : "must stand without quotes";
      report(tree, `${shown(tree.text)} ${why}: ${rule.what}`);
      return undefined;
    }
    if (!Number.isInteger(value) || (rule.noPoint === true && tree.text.includes("."))) {
      report(tree, `${shown(tree.text)} is not a whole number: ${rule.what}`);
      return undefined;
    }
    if (value < rule.min || value > rule.max) {
      report(tree, `${shown(tree.text)} is out of range: ${rule.what}`);
      return undefined;
    }
    return value === 0 ? 0 : value;
  };
}

/** What each member makes; a member that is wrong is reported and left out. */
export function listOf<T>(read: Reader<T>): Reader<T[]> {
  return (tree, report) => {
    if (tree.type !== "sequence") {
      report(tree, `is ${kindOf(tree)}, not a list: put "- " before each member, or [ ] around`);
      return undefined;
    }
    const values: T[] = [];
    for (const member of tree.members) {
      const value = read(member, report);
      if (value !== undefined) {
        values.push(value);
      }
    }
    return values;
  };
}

/** A value that still knows its place, for rules that look at several values. */
export interface Placed<T> {
  readonly value: T;
  readonly place: Place;
}

export function placed<T>(read: Reader<T>): Reader<Placed<T>> {
  return (tree, report) => {
    const value = read(tree, report);
    return value === undefined ? undefined : { value, place: { at: tree.at, path: tree.path } };
  };
}

/** Whether no member is undefined: whether everything that was read was right. */
export function isComplete<T extends object>(
  partial: T,
): partial is T & { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.values(partial).every((value) => value !== undefined);
}
