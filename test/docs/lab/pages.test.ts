import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { EmbeddedKube } from "../../../lab/embedded-kube.ts";
import { Instance } from "../../../lab/instance.ts";
import { Lab } from "../../../lab/lab.ts";
import { logTails } from "../../../lab/logs.ts";
import { waitFor } from "../../../lab/wait.ts";
import {
  type Block,
  type Command,
  commandsOf,
  isCommands,
  isMarkedAsNotRun,
  missingLine,
  readBlocks,
} from "../blocks.ts";
import { pages } from "../pages.ts";
import { type Said, Shells } from "../shell.ts";

/** `ROUTELB_DOCS=docs/tour.md npm run test:docs`: only these, with spaces between. */
const wanted = process.env["ROUTELB_DOCS"]?.split(" ") ?? pages;

let instance: Instance | undefined;
let lab: Lab | undefined;
let shells: Shells | undefined;

before(async () => {
  instance = await Instance.open(`docs${process.pid.toString(36)}`);
  const { signal } = new AbortController();
  lab = await Lab.start({
    instance,
    startKube: (of, until) => EmbeddedKube.start(of, until),
    signal,
    progress: () => undefined,
  });
  shells = await Shells.open(lab);
});

after(async () => {
  await lab?.close();
  await instance?.close();
});

/** What only looks may be asked again until it shows what the page shows: a reader would, too. */
const looks = new RegExp(
  [
    "kubectl (?:-n \\S+ )?(?:get|describe|wait|rollout status) ",
    "routelb (?:status|explain|lint|plan|router-config) ",
    'vtysh -c "show ',
    "(?:on \\S+ )?(?:ip|curl) ",
  ]
    .map((start) => `^${start}`)
    .join("|"),
);

async function runCommand(place: string, command: Command): Promise<void> {
  assert.ok(shells !== undefined && instance !== undefined);
  const own = shells;
  let said: Said = { output: "", exitCode: null };
  const attempt = async (): Promise<true | undefined> => {
    said = await own.run(place, command.line);
    const isRight =
      said.exitCode === command.exitCode &&
      missingLine(command.expected, said.output) === undefined;
    return isRight || undefined;
  };
  const isSeen = looks.test(`${command.line} `)
    ? await waitFor(attempt, { what: command.line, timeoutMs: 60_000, intervalMs: 500 }).catch(
        () => undefined,
      )
    : await attempt();
  if (isSeen === undefined) {
    const { output, exitCode } = said;
    const missing = missingLine(command.expected, output);
    assert.fail(
      `$ ${command.line}\nexit code ${exitCode}; ${missing === undefined ? "" : `not printed: ${missing}`}\n${output}\n${await logTails(instance, 15)}`,
    );
  }
}

async function runBlock(block: Block): Promise<number> {
  for (const line of block.before) {
    await runCommand("", { line, expected: [], exitCode: 0 });
  }
  const commands = commandsOf(block);
  for (const command of commands) {
    await runCommand(block.place, command);
  }
  return commands.length;
}

for (const page of pages.filter((each) => wanted.includes(each))) {
  const blocks = readBlocks(page).filter(isCommands);
  const run = blocks.filter((block) => !isMarkedAsNotRun(block) && block.runBy.length === 0);
  if (run.length > 0) {
    describe(page, () => {
      let failed: number | undefined;
      for (const block of run) {
        const [first] = commandsOf(block);
        test(`line ${block.line}: ${first?.line.split("\n")[0] ?? block.language}`, async (t) => {
          assert.equal(failed, undefined, `line ${failed} failed, and this goes on from there`);
          failed = block.line;
          const count = await runBlock(block);
          failed = undefined;
          t.diagnostic(`${count} commands`);
        });
      }
    });
  }
}
