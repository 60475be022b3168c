import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type ParsedNode,
  parseAllDocuments,
  visit,
  type YAMLMap,
  type Scalar as YamlScalar,
} from "yaml";
import { keyPath, type Place, type Position, type Report } from "./finding.ts";
import { indexLines } from "./line-index.ts";
import { syntaxMessages } from "./yaml-syntax.ts";

/**
 * A YAML value that still knows where it stands.
 *
 * Aliases are expanded and merge keys (`<<`) are applied, so that a reader meets neither. A value
 * that came by an alias has the path of its use and the position of its text.
 */
export type Tree = Scalar | Sequence | Mapping;

/** What a scalar means depends on who reads it (scalar.ts): here it is its text. */
export interface Scalar extends Place {
  readonly type: "scalar";
  readonly text: string;
  /** In quotes, a block scalar, or tagged `!!str`: text whatever it looks like. */
  readonly quoted: boolean;
}

export interface Sequence extends Place {
  readonly type: "sequence";
  readonly members: readonly Tree[];
}

export interface Mapping extends Place {
  readonly type: "mapping";
  /** No key appears twice. */
  readonly entries: readonly Entry[];
}

export interface Entry {
  readonly key: string;
  /** The place of the key; its path is that of the value. */
  readonly place: Place;
  readonly value: Tree;
}

/** Whether the value is absent: nothing at all, `~` or `null`, without quotes. */
export function isNull(tree: Tree): boolean {
  return tree.type === "scalar" && !tree.quoted && /^(?:|~|null|Null|NULL)$/.test(tree.text);
}

/** One mistake makes many: the first ones are those to mend. */
const mostSyntaxErrors = 20;
const deepest = 40;
const mostValues = 200_000;

/** One document of a YAML stream; `root` is absent if the document is empty. */
export interface TreeDocument {
  readonly root: Tree | undefined;
  readonly at: Position;
}

/**
 * Reads a YAML stream. All that is wrong with it as YAML goes to `report`; no value of the text
 * appears in a message.
 *
 * @returns undefined if it is no YAML at all, so that nothing more can be said of it
 */
export function readYaml(text: string, report: Report): TreeDocument[] | undefined {
  const positionOf = indexLines(text);
  const documents = parseStream(text, report);
  if (documents === undefined) {
    return undefined;
  }
  const reported = new Set<number>();
  for (const { code, pos } of documents.flatMap((document) => document.errors)) {
    if (!reported.has(pos[0]) && reported.size < mostSyntaxErrors) {
      reported.add(pos[0]);
      report({ at: positionOf(pos[0]), path: "" }, syntaxMessages[code]);
    }
  }
  if (reported.size > 0) {
    return undefined;
  }
  const builder = new TreeBuilder(positionOf, report);
  return documents.map((document) => {
    const at = positionOf(document.contents?.range[0] ?? document.range[0]);
    const root = builder.document(document);
    return { root: root === undefined || isNull(root) ? undefined : root, at };
  });
}

/** The parser recurses: a text of nothing but brackets can run it out of stack. */
function parseStream(text: string, report: Report): Document.Parsed[] | undefined {
  try {
    const documents = parseAllDocuments(text, {
      prettyErrors: false,
      resolveKnownTags: false,
      schema: "failsafe",
      uniqueKeys: false,
    });
    return "empty" in documents ? [] : documents;
  } catch (error) {
    if (!(error instanceof RangeError)) {
      throw error;
    }
    report({ at: { line: 1, column: 1 }, path: "" }, syntaxMessages.RESOURCE_EXHAUSTION);
    return undefined;
  }
}

const stringTag = "tag:yaml.org,2002:str";
/** Of a password, and of whatever somebody wrote in its place. */
const passwordPath = /^peers\[\d+\]\.password(?![-\w])/;
const coreTag = /^tag:yaml\.org,2002:(?:str|int|bool|float|null|map|seq)$/;

class TreeBuilder {
  readonly #positionOf: (offset: number) => Position;
  readonly #report: Report;
  #aliased: ReadonlyMap<Alias, ParsedNode> = new Map();
  /** Nodes that hold a password: nowhere else may they be shown. */
  readonly #passwords = new Set<object>();
  #values = 0;

  constructor(positionOf: (offset: number) => Position, report: Report) {
    this.#positionOf = positionOf;
    this.#report = report;
  }

  document(document: Document.Parsed): Tree | undefined {
    this.#aliased = findAliased(document);
    return document.contents === null ? undefined : this.#tree(document.contents, "", 0);
  }

  #tree(node: ParsedNode, path: string, depth: number): Tree {
    const at = this.#positionOf(node.range[0]);
    if (passwordPath.test(path)) {
      this.#passwords.add(node);
    }
    this.#values += 1;
    if (depth > deepest || this.#values > mostValues) {
      if (depth > deepest || this.#values === mostValues + 1) {
        const limit = depth > deepest ? `${deepest} levels deep` : `${mostValues} values`;
        this.#report({ at, path }, `more than ${limit}, with its aliases written out`);
      }
      return { type: "scalar", at, path, text: "", quoted: false };
    }
    if (isAlias(node)) {
      return this.#alias(node, path, depth);
    }
    if (node.tag !== undefined && node.tag !== "!" && !coreTag.test(node.tag)) {
      this.#report({ at, path }, syntaxMessages.TAG_RESOLVE_FAILED);
    }
    if (isMap<ParsedNode, ParsedNode | null>(node)) {
      return { type: "mapping", at, path, entries: this.#entries(node, path, depth) };
    }
    if (isSeq<ParsedNode>(node)) {
      const members = node.items.map((member, index) =>
        this.#tree(member, `${path}[${index}]`, depth + 1),
      );
      return { type: "sequence", at, path, members };
    }
    return { type: "scalar", at, path, ...scalarText(node) };
  }

  #alias(alias: Alias.Parsed, path: string, depth: number): Tree {
    const target = this.#aliased.get(alias);
    const why =
      target === undefined
        ? syntaxMessages.BAD_ALIAS
        : this.#passwords.has(target) && !passwordPath.test(path)
          ? "an alias of a password, which belongs under password only"
          : undefined;
    if (target === undefined || why !== undefined) {
      const at = this.#positionOf(alias.range[0]);
      this.#report({ at, path }, why ?? syntaxMessages.BAD_ALIAS);
      return { type: "scalar", at, path, text: "", quoted: false };
    }
    return this.#tree(target, path, depth + 1);
  }

  #entries(map: YAMLMap<ParsedNode, ParsedNode | null>, path: string, depth: number): Entry[] {
    const entries = new Map<string, Entry>();
    const merged: Tree[] = [];
    for (const pair of map.items) {
      const entry = this.#entry(pair, path, depth);
      const earlier = entry === undefined ? undefined : entries.get(entry.key);
      if (entry !== undefined && earlier !== undefined) {
        this.#report(entry.place, `appears twice here: first on line ${earlier.place.at.line}`);
      } else if (entry !== undefined && entry.key === "<<") {
        merged.push(entry.value);
      } else if (entry !== undefined) {
        entries.set(entry.key, entry);
      }
    }
    for (const source of merged.flatMap((tree) =>
      tree.type === "sequence" ? tree.members : [tree],
    )) {
      if (source.type !== "mapping") {
        this.#report(source, "a merge key (<<) takes a mapping, or a list of mappings");
        continue;
      }
      for (const entry of source.entries) {
        if (!entries.has(entry.key)) {
          entries.set(entry.key, entry);
        }
      }
    }
    return [...entries.values()];
  }

  #entry(
    pair: Pair<ParsedNode, ParsedNode | null>,
    path: string,
    depth: number,
  ): Entry | undefined {
    const at = this.#positionOf(pair.key.range[0]);
    const key = isAlias(pair.key) ? this.#alias(pair.key, path, depth) : pair.key;
    const text = isScalar(key) ? scalarText(key).text : "text" in key ? key.text : undefined;
    if (text === undefined) {
      this.#report({ at, path }, syntaxMessages.NON_STRING_KEY);
      return undefined;
    }
    const place = { at, path: text === "<<" ? path : keyPath(path, text) };
    const value: Tree =
      pair.value === null
        ? { type: "scalar", ...place, text: "", quoted: false }
        : this.#tree(pair.value, place.path, depth + 1);
    return { key: text, place, value };
  }
}

/** What each alias stands for: the last node before it that has its anchor. */
function findAliased(document: Document.Parsed): Map<Alias, ParsedNode> {
  const anchored = new Map<string, ParsedNode>();
  const aliased = new Map<Alias, ParsedNode>();
  visit(document, {
    Alias: (_key, alias) => {
      const target = anchored.get(alias.source);
      if (target !== undefined) {
        aliased.set(alias, target);
      }
    },
    Value: (_key, node) => {
      if (node.anchor !== undefined && isParsed(node)) {
        anchored.set(node.anchor, node);
      }
    },
  });
  return aliased;
}

/** A node of a parsed text always has its range. */
function isParsed(node: Node): node is ParsedNode {
  return node.range !== undefined && node.range !== null;
}

function scalarText(scalar: YamlScalar): { readonly text: string; readonly quoted: boolean } {
  const text = typeof scalar.value === "string" ? scalar.value : (scalar.source ?? "");
  const isText = scalar.tag === "!" || scalar.tag === stringTag;
  return { text, quoted: isText || (scalar.type !== "PLAIN" && scalar.tag === undefined) };
}
