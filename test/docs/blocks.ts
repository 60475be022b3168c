import { readFileSync } from "node:fs";

/**
 * A fenced block of a page, by the convention that docs/design.md states:
 *
 *     ```sh [PLACE]        every line is run
 *     ```console [PLACE]   `$ ` begins a command; what is below it must be printed, in this order
 *
 * PLACE is `router`, `client` or a node; without one it is the operator's shell.
 */
export interface Block {
  readonly page: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly place: string;
  readonly text: string;
  /** Commands in `<!-- test: COMMAND -->` above it: what a reader has done or has by then. */
  readonly before: readonly string[];
  /** `<!-- run by FILE: "TEXT" -->` above it, one or several: that file runs it, and has TEXT in it. */
  readonly runBy: readonly { readonly file: string; readonly text: string }[];
}

export interface Command {
  readonly line: string;
  /** What it must print, if the page shows it. */
  readonly expected: readonly string[];
  readonly exitCode: number;
}

/** What is left to do when a page was read, and stands in comments. */
export const pageEnd = "end of the page";

const notRun = /^# Not run by the tests: \S/;

export function readBlocks(page: string): readonly Block[] {
  const lines = readFileSync(page, "utf8").split("\n");
  const blocks: Block[] = [];
  let before: string[] = [];
  let runBy: { file: string; text: string }[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    const hidden = /^\s*<!-- test: (.*) -->$/.exec(line)?.[1];
    const other = /^\s*<!-- run by (\S+): "(.*)" -->$/.exec(line);
    const fence = /^(\s*)```(\S*)\s*(\S*)$/.exec(line);
    if (hidden !== undefined) {
      before.push(hidden);
    } else if (other !== null) {
      runBy.push({ file: other[1] ?? "", text: other[2] ?? "" });
    } else if (fence !== null) {
      // Inside a list, a block is indented.
      const [, indent = "", language = "", place = ""] = fence;
      const end = lines.indexOf(`${indent}\`\`\``, index + 1);
      const inside = lines.slice(index + 1, end).map((each) => each.slice(indent.length));
      const text = inside.join("\n");
      blocks.push({ page, line: index + 1, language, place, text, before, runBy });
      before = [];
      runBy = [];
      index = end;
    }
  }
  if (before.length > 0) {
    blocks.push({
      page,
      line: lines.length,
      language: pageEnd,
      place: "",
      text: "",
      before,
      runBy,
    });
  }
  return blocks;
}

/** Blocks of commands: those that are run here, those that another test runs, those that none does. */
export function isCommands({ language }: Block): boolean {
  return language === "sh" || language === "console" || language === pageEnd;
}

/** The page says why it is not run. */
export function isMarkedAsNotRun({ text }: Block): boolean {
  return notRun.test(text);
}

export function commandsOf({ language, text }: Block): readonly Command[] {
  if (language === "sh") {
    return joinLines(text.split("\n"))
      .filter((line) => line.trim() !== "" && !line.startsWith("#"))
      .map((line) => ({ line, expected: [], exitCode: 0 }));
  }
  const commands: { line: string; expected: string[]; exitCode: number }[] = [];
  for (const line of joinLines(text.split("\n"))) {
    if (line.startsWith("$ ")) {
      const exitCode = Number(/# exit code (\d+)$/.exec(line)?.[1] ?? "0");
      commands.push({ line: line.slice(2), expected: [], exitCode });
    } else {
      commands.at(-1)?.expected.push(line);
    }
  }
  return commands;
}

/** A backslash, or a here-document that is not ended, goes on in the next line. */
function joinLines(lines: readonly string[]): readonly string[] {
  const joined: string[] = [];
  let end: string | undefined;
  let isOpen = false;
  for (const line of lines) {
    if (isOpen) {
      joined.push(`${joined.pop() ?? ""}\n${line}`);
    } else {
      joined.push(line);
    }
    end = end === undefined ? /<<-?'?([A-Z]+)'?/.exec(line)?.[1] : line === end ? undefined : end;
    isOpen = end !== undefined || line.endsWith("\\");
  }
  return joined;
}

/**
 * Whether `output` has the lines of a page, in their order. In a line, `…` stands for anything and
 * runs of blanks are equal; ages (`5s`, `3m12s`) are equal. A line that is `...` stands for any
 * number of lines; without it, lines between are still allowed at the beginning and the end only.
 *
 * @returns the first line that is missing, or undefined
 */
export function missingLine(expected: readonly string[], output: string): string | undefined {
  const lines = output.split("\n");
  const wanted = expected.filter((line) => line.trim() !== "");
  let from = 0;
  let mustFollow = false;
  for (const line of wanted) {
    if (line.trim() === "...") {
      mustFollow = false;
      continue;
    }
    const pattern = patternOf(line);
    const found = lines.findIndex((each, index) => index >= from && pattern.test(each.trim()));
    const between = lines.slice(from, found).filter((each) => each.trim() !== "");
    if (found < 0 || (mustFollow && between.length > 0)) {
      return line;
    }
    from = found + 1;
    mustFollow = true;
  }
  return undefined;
}

const age = String.raw`(?:\d+[dhms])+`;

function patternOf(line: string): RegExp {
  const pieces = line
    .trim()
    .split(/(…|\b(?:\d+[dhms])+(?=\s|$)|\s+)/)
    .map((piece) => {
      if (piece === "…") {
        return ".*";
      }
      if (new RegExp(`^${age}$`).test(piece)) {
        return age;
      }
      return /^\s+$/.test(piece)
        ? String.raw`\s+`
        : piece.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
    });
  return new RegExp(`^${pieces.join("")}$`);
}
