/** Any JSON value. A property that is `undefined` counts as absent. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

const nothing: JsonObject = {};

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/**
 * Parses JSON text.
 *
 * @throws SyntaxError
 */
export function parseJson(text: string): Json {
  const value: Json = JSON.parse(text);
  return value;
}

/** The value at `path`, or undefined where the path leads nowhere; null counts as nowhere. */
export function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let current = value;
  for (const key of path) {
    current = isObject(current) && Object.hasOwn(current, key) ? current[key] : undefined;
  }
  return current ?? undefined;
}

export function textAt(value: Json | undefined, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === "string" ? found : undefined;
}

export function numberAt(value: Json | undefined, ...path: readonly string[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === "number" ? found : undefined;
}

export function booleanAt(
  value: Json | undefined,
  ...path: readonly string[]
): boolean | undefined {
  const found = at(value, ...path);
  return typeof found === "boolean" ? found : undefined;
}

/** A text, number or boolean as text; undefined for all else. */
export function scalarText(value: Json | undefined): string | undefined {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined;
}

/** The list at `path`; empty if there is none. */
export function listAt(value: Json | undefined, ...path: readonly string[]): readonly Json[] {
  const found = at(value, ...path);
  return isList(found) ? found : [];
}

/** The object at `path`; empty if there is none. */
export function objectAt(value: Json | undefined, ...path: readonly string[]): JsonObject {
  const found = at(value, ...path);
  return isObject(found) ? found : nothing;
}

/** The texts of the list at `path`; anything else in it is left out. */
export function textsAt(value: Json | undefined, ...path: readonly string[]): readonly string[] {
  return listAt(value, ...path).filter((entry) => typeof entry === "string");
}

/** The text properties of the object at `path`, such as labels. */
export function textMapAt(
  value: Json | undefined,
  ...path: readonly string[]
): Readonly<Record<string, string>> {
  const map: Record<string, string> = {};
  for (const [key, entry] of Object.entries(objectAt(value, ...path))) {
    if (typeof entry === "string") {
      map[key] = entry;
    }
  }
  return map;
}

/**
 * A copy of `object` with `value` at `path`; objects on the way are made where they are missing,
 * and whatever is not on the path is shared with the original. `undefined` removes.
 */
export function withAt(
  object: JsonObject,
  path: readonly [string, ...string[]],
  value: Json | undefined,
): JsonObject {
  const [key, next, ...rest] = path;
  const entry = next === undefined ? value : withAt(objectAt(object, key), [next, ...rest], value);
  if (entry !== undefined) {
    return { ...object, [key]: entry };
  }
  const { [key]: _removed, ...others } = object;
  return others;
}

/** Equality by value; the order of properties means nothing, and `undefined` is absence. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) {
    return true;
  }
  if (isList(a) && isList(b)) {
    return a.length === b.length && a.every((entry, index) => sameJson(entry, b[index]));
  }
  if (!isObject(a) || !isObject(b)) {
    return false;
  }
  const keys = presentKeys(a);
  return (
    keys.length === presentKeys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]))
  );
}

export function presentKeys(object: JsonObject): readonly string[] {
  return Object.keys(object).filter((key) => object[key] !== undefined);
}

const texts = new WeakMap<JsonObject, string>();

/**
 * JSON text of an object that never changes again: made once, however many lists and watches send
 * it.
 */
export function jsonText(object: JsonObject): string {
  const known = texts.get(object);
  if (known !== undefined) {
    return known;
  }
  const text = JSON.stringify(object);
  texts.set(object, text);
  return text;
}
