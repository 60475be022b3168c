/**
 * Runs the tests: the suites that are named, else `unit` (no root, seconds), `fuzz` and `lab` (root).
 *
 * The unit tests share one process, since each start of Node costs more than most files of them do.
 * The lab's tests start routers and namespaces, and so run one file at a time, in a process each;
 * those on a real Kubernetes mostly wait for its controllers, so two files at a time. A skipped test
 * counts as a failure, because nobody reads a line that says "skipped".
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What needs root, namespaces, routers, kubectl or promtool. */
const labFolders = ["test/lab/", "test/lab-kube/kubectl", "test/deploy/alerts"];

/** The documentation: its commands are run in a lab. */
const docsFolder = "test/docs/lab/";

interface RunOptions {
  readonly isolation?: "none" | "process";
  /** Files at a time. */
  readonly concurrency?: number;
}

function run(
  title: string,
  files: readonly string[],
  { isolation = "process", concurrency = 1 }: RunOptions = {},
): boolean {
  const folder = mkdtempSync(join(tmpdir(), "routelb-test-"));
  const tap = join(folder, "tap");
  console.log(`== ${title}: ${files.length} files`);
  const { status } = spawnSync(
    process.execPath,
    [
      "--test",
      `--test-isolation=${isolation}`,
      `--test-concurrency=${concurrency}`,
      // Far beyond what any takes: one that hangs is to fail, with its name.
      "--test-timeout=1200000",
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      "--test-reporter=tap",
      `--test-reporter-destination=${tap}`,
      ...process.argv.slice(2).filter((argument) => argument.startsWith("--")),
      ...files,
    ],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  const summary = readFileSync(tap, "utf8");
  rmSync(folder, { recursive: true });
  const count = (name: string): number =>
    Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(summary)?.[1] ?? Number.NaN);
  const notRun = count("skipped") + count("todo") + count("cancelled");
  if (count("pass") === 0 || notRun !== 0) {
    console.error(`${title}: a test did not run (${notRun} skipped, todo or cancelled)`);
    return false;
  }
  return status === 0;
}

const everything = globSync("test/**/*.test.ts").toSorted();
const inFolders = (folders: readonly string[]): string[] =>
  everything.filter((file) => folders.some((folder) => file.startsWith(folder)));
const lab = inFolders(labFolders);
const docs = inFolders([docsFolder]);
const cluster = inFolders(["test/cluster/"]);
const fuzz = inFolders(["test/fuzz/"]);
const image = inFolders(["test/image/"]);
const notUnit = new Set([...lab, ...cluster, ...docs, ...fuzz, ...image]);

const suites = {
  unit: () =>
    run(
      "unit tests",
      everything.filter((file) => !notUnit.has(file)),
      { isolation: "none" },
    ),
  lab: () => run("tests in the lab", lab),
  fuzz: () => run("hostile input", fuzz),
  cluster: () => run("tests on a real Kubernetes", cluster, { concurrency: 2 }),
  docs: () => run("the documentation", docs),
  image: () => run("tests of the container image", image),
} as const;

const asked = Object.entries(suites).filter(([name]) => process.argv.slice(2).includes(name));
const chosen =
  asked.length > 0 ? asked.map(([, suite]) => suite) : [suites.unit, suites.fuzz, suites.lab];
process.exitCode = chosen.map((suite) => suite()).every(Boolean) ? 0 : 1;
