import { ApiError, badRequest } from "../api-error.ts";
import { isList, isObject, type Json, sameJson, textAt } from "../json.ts";

/**
 * Applies a JSON patch (RFC 6902).
 *
 * @throws ApiError 400 if the patch is malformed, 422 if it does not fit the document
 */
export function applyJsonPatch(document: Json, patch: Json): Json {
  if (!isList(patch)) {
    throw badRequest("a JSON patch is a list of operations");
  }
  return patch.reduce(applyOperation, document);
}

function applyOperation(document: Json, operation: Json): Json {
  const path = parsePointer(textAt(operation, "path"));
  const value = isObject(operation) ? operation["value"] : undefined;
  switch (textAt(operation, "op")) {
    case "add":
      return change(document, path, () => given(value), "add");
    case "replace":
      find(document, path);
      return change(document, path, () => given(value), "replace");
    case "remove":
      find(document, path);
      return change(document, path, () => undefined, "replace");
    case "copy": {
      const source = find(document, parsePointer(textAt(operation, "from")));
      return change(document, path, () => source, "add");
    }
    case "move": {
      const from = parsePointer(textAt(operation, "from"));
      const source = find(document, from);
      const without = change(document, from, () => undefined, "replace");
      return change(without, path, () => source, "add");
    }
    case "test":
      if (!sameJson(find(document, path), value)) {
        throw doesNotFit(`testing path /${path.join("/")} value failed`);
      }
      return document;
    case undefined:
    default:
      throw badRequest(`unknown JSON patch operation: ${JSON.stringify(operation)}`);
  }
}

/** JSON Pointer (RFC 6901). */
function parsePointer(text: string | undefined): readonly string[] {
  if (text === undefined || (text !== "" && !text.startsWith("/"))) {
    throw badRequest(`invalid JSON pointer: ${JSON.stringify(text ?? null)}`);
  }
  return text
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function find(document: Json, path: readonly string[]): Json {
  let current: Json | undefined = document;
  for (const token of path) {
    if (isList(current)) {
      current = current[indexOf(token, current.length - 1)];
    } else {
      current = isObject(current) && Object.hasOwn(current, token) ? current[token] : undefined;
    }
    if (current === undefined) {
      throw doesNotFit(`doc is missing path: "/${path.join("/")}": missing value`);
    }
  }
  return current ?? null;
}

/** Puts what `make` gives at `path`; undefined removes. In a list, "add" inserts. */
function change(
  document: Json,
  path: readonly string[],
  make: () => Json | undefined,
  mode: "add" | "replace",
): Json {
  const [token, ...rest] = path;
  if (token === undefined) {
    return make() ?? null;
  }
  if (isList(document)) {
    return changeList(document, token, rest, make, mode);
  }
  if (!isObject(document)) {
    throw doesNotFit(`doc is missing path: "/${path.join("/")}": missing value`);
  }
  if (rest.length === 0) {
    const { [token]: _replaced, ...others } = document;
    const value = make();
    return value === undefined ? others : { ...others, [token]: value };
  }
  const child = Object.hasOwn(document, token) ? document[token] : undefined;
  if (child === undefined) {
    throw doesNotFit(`doc is missing path: "/${path.join("/")}": missing value`);
  }
  return { ...document, [token]: change(child, rest, make, mode) };
}

function changeList(
  list: readonly Json[],
  token: string,
  rest: readonly string[],
  make: () => Json | undefined,
  mode: "add" | "replace",
): Json {
  const inserts = rest.length === 0 && mode === "add";
  const index =
    token === "-" ? list.length : indexOf(token, inserts ? list.length : list.length - 1);
  if (inserts) {
    return list.toSpliced(index, 0, make() ?? null);
  }
  if (rest.length > 0) {
    return list.with(index, change(list[index] ?? null, rest, make, mode));
  }
  const value = make();
  return value === undefined ? list.toSpliced(index, 1) : list.with(index, value);
}

function indexOf(token: string, last: number): number {
  const index = /^(0|[1-9]\d*)$/.test(token) ? Number(token) : -1;
  if (index < 0 || index > last) {
    throw doesNotFit(`invalid index referenced: ${token}`);
  }
  return index;
}

function given(value: Json | undefined): Json {
  if (value === undefined) {
    throw badRequest("a JSON patch operation lacks its value");
  }
  return value;
}

function doesNotFit(why: string): ApiError {
  return new ApiError(
    422,
    "Invalid",
    `the server rejected our request due to an error in our request: ${why}`,
    {},
  );
}
