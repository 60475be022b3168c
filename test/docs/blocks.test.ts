import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import {
  commandsOf,
  isCommands,
  isMarkedAsNotRun,
  missingLine,
  pageEnd,
  readBlocks,
} from "./blocks.ts";
import { pages, pagesOfOtherTests } from "./pages.ts";

const everyPage = ["README.md", ...globSync("docs/*.md").toSorted()];

test("every page is run, or its commands are another test's", () => {
  for (const page of everyPage) {
    const file = pagesOfOtherTests[page]?.file;
    assert.ok(pages.includes(page) || file !== undefined, `${page} is not in test/docs/pages.ts`);
    assert.ok(file === undefined || existsSync(file), `${page}: ${file}`);
  }
  assert.deepEqual(
    pages.filter((page) => !everyPage.includes(page)),
    [],
  );
});

test("what another test runs is in that test; what none runs says why", () => {
  for (const block of pages.flatMap(readBlocks).filter(isCommands)) {
    const where = `${block.page}:${block.line}`;
    for (const { file, text } of block.runBy) {
      assert.ok(readFileSync(file, "utf8").includes(text), `${where}: ${file} has no ${text}`);
      assert.ok(!isMarkedAsNotRun(block), where);
    }
    if (!isMarkedAsNotRun(block) && block.language !== pageEnd) {
      assert.ok(commandsOf(block).length > 0, `${where} has no command`);
    }
  }
});

test("each block of commands of the other pages is followed by a test, under its heading, or says why not", () => {
  const tests = globSync("test/cluster/**/*.ts").map((file) => readFileSync(file, "utf8"));
  const blocks = Object.keys(pagesOfOtherTests).flatMap(readBlocks).filter(isCommands);
  assert.ok(blocks.length > 10);
  for (const block of blocks.filter((each) => !isMarkedAsNotRun(each))) {
    const lines = readFileSync(block.page, "utf8").split("\n").slice(0, block.line);
    const heading = lines.findLast((line) => line.startsWith("#")) ?? "";
    const isFollowed = tests.some((text) => text.includes(`"${heading}"`));
    assert.ok(isFollowed, `${block.page}:${block.line}: no test follows "${heading}"`);
  }
});

test("the benches, soak and fuzz that the pages of figures name take the flags that they name", () => {
  const commands = everyPage.flatMap((page) =>
    Array.from(
      readFileSync(page, "utf8").matchAll(/^ {4}npm run (bench -- \w+|soak|fuzz)([^#\n]*)/gm),
      ([, program = "", flags = ""]) => ({ page, program, flags: flags.match(/--[a-z-]+/g) ?? [] }),
    ),
  );
  assert.ok(commands.length > 10);
  for (const [program, lines] of Map.groupBy(commands, (command) => command.program)) {
    const usage = usageOf(program);
    for (const { page, flags } of lines) {
      for (const flag of flags) {
        assert.ok(usage.includes(flag), `${page}: ${program} ${flag}`);
      }
    }
  }
});

/** What `--help` of a bench prints; soak and fuzz have none, and name their flags in their source. */
function usageOf(program: string): string {
  const [name = "", , bench = ""] = program.split(" ");
  if (name !== "bench") {
    return readFileSync(`test/${name}/main.ts`, "utf8");
  }
  const args = ["bench/main.ts", bench, "--help"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(status, 0, `${program}: ${stderr}`);
  return stdout;
}

test("the README leads to every page", () => {
  const readme = readFileSync("README.md", "utf8");
  for (const page of pages.filter((each) => each !== "README.md")) {
    assert.ok(readme.includes(`](${page})`), page);
  }
});

test("links between pages lead somewhere, anchors too", () => {
  for (const page of everyPage) {
    const text = readFileSync(page, "utf8");
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) {
        continue;
      }
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      assert.ok(existsSync(file), `${page}: ${target}`);
      if (anchor !== undefined) {
        assert.ok(anchorsOf(file).has(anchor), `${page}: ${target}`);
      }
    }
  }
});

/** As GitHub makes them. */
function anchorsOf(file: string): ReadonlySet<string> {
  const headings = readFileSync(file, "utf8").matchAll(/^#+ (.*)$/gm);
  return new Set(
    Array.from(headings, ([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(/\s/g, "-"),
    ),
  );
}

test("a page is taken apart as its convention says", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "routelb-pages-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const page = join(folder, "page.md");
  writeFileSync(
    page,
    `# A page
<!-- test: echo before -->
\`\`\`console router
$ one \\
  more
shown
$ two    # exit code 3
\`\`\`
\`\`\`sh
cat <<EOF
text
EOF
# a comment
last
\`\`\`
\`\`\`sh
# Not run by the tests: it takes a year.
sleep 31536000
\`\`\`
<!-- run by test/docs/blocks.test.ts: "of another" -->
\`\`\`sh
of another
\`\`\`
1. In a list:

   \`\`\`sh
   cat <<EOF
     indented
   EOF
   \`\`\`
`,
  );
  const [first, second, third, fourth, fifth] = readBlocks(page);
  assert.ok(first && second && third && fourth && fifth);
  assert.deepEqual(
    commandsOf(fifth).map(({ line }) => line),
    ["cat <<EOF\n  indented\nEOF"],
  );
  assert.deepEqual([first.place, first.line, first.before], ["router", 3, ["echo before"]]);
  assert.deepEqual(commandsOf(first), [
    { line: "one \\\n  more", expected: ["shown"], exitCode: 0 },
    { line: "two    # exit code 3", expected: [], exitCode: 3 },
  ]);
  assert.deepEqual(
    commandsOf(second).map(({ line }) => line),
    ["cat <<EOF\ntext\nEOF", "last"],
  );
  assert.ok(isMarkedAsNotRun(third));
  assert.deepEqual(fourth.runBy, [{ file: "test/docs/blocks.test.ts", text: "of another" }]);
});

test("what a page shows is looked for in its order", () => {
  const output = "NAME   AGE\nnginx  17s\nmore\nlast line here\n";
  assert.equal(missingLine(["NAME  AGE", "nginx 1m3s"], output), undefined);
  assert.equal(missingLine(["NAME  AGE", "more"], output), "more", "a line between is left out");
  assert.equal(missingLine(["NAME  AGE", "...", "more"], output), undefined);
  assert.equal(missingLine(["more", "NAME  AGE"], output), "NAME  AGE");
  assert.equal(missingLine(["last … here"], output), undefined);
  assert.equal(missingLine(["last line"], output), "last line", "whole lines");
});
