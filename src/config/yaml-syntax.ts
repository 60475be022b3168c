import type { ErrorCode } from "yaml";

/**
 * What is wrong with a text that is no YAML. Own sentences: those of the parser may quote the text,
 * and with it a password.
 */
export const syntaxMessages = {
  ALIAS_PROPS: "an alias (*) takes neither anchor nor tag",
  BAD_ALIAS:
    "an alias (*) without an anchor (&) before it; a value that begins with * needs quotes",
  BAD_COLLECTION_TYPE: "a tag that does not fit the value",
  BAD_DIRECTIVE: "a line that begins with % is an unknown YAML directive",
  BAD_DQ_ESCAPE:
    "an unknown escape in double quotes; write \\\\ for a backslash, or use single quotes",
  BAD_INDENT: "the indentation does not fit the lines around it, or a closing ] or } is missing",
  BAD_PROP_ORDER: "anchors and tags stand before the value, on its line",
  BAD_SCALAR_START: "a value that begins with this character needs quotes",
  BLOCK_AS_IMPLICIT_KEY:
    "a second `: ` on one line; put the value in quotes or on lines of its own",
  BLOCK_IN_FLOW: "a block value inside [ ] or { }",
  DUPLICATE_KEY: "a key that appears twice",
  IMPOSSIBLE: "not readable as YAML",
  KEY_OVER_1024_CHARS: "a key of more than 1,024 characters",
  MISSING_CHAR: "a quote, bracket, comma, colon or space is missing here or before",
  MULTILINE_IMPLICIT_KEY: "a key must stand on one line, with `: ` behind it",
  MULTIPLE_ANCHORS: "a value takes one anchor (&) at most",
  MULTIPLE_DOCS: "more than one document",
  MULTIPLE_TAGS: "a value takes one tag (!) at most",
  NON_STRING_KEY: "a key must be plain text",
  RESOURCE_EXHAUSTION: "nested too deeply",
  TAB_AS_INDENT: "a tab in the indentation; YAML takes spaces only",
  TAG_RESOLVE_FAILED: "an unknown tag (!); a value that begins with ! needs quotes",
  UNEXPECTED_TOKEN:
    "text that does not belong here: a quote, comma or line break may be missing before",
} as const satisfies Record<ErrorCode, string>;
