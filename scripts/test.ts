/**
 * Runs the tests: `unit` (no root, seconds) or all of them.
 *
 * The lab's tests start routers and namespaces, and so run one file at a time; a skipped test counts
 * as a failure, because nobody reads a line that says "skipped".
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What needs root, namespaces, routers or kubectl. */
const labFolders = ["test/lab/", "test/lab-kube/kubectl"];

function run(title: string, files: readonly string[], concurrency: number): boolean {
  const folder = mkdtempSync(join(tmpdir(), "routelb-test-"));
  const tap = join(folder, "tap");
  console.log(`== ${title}: ${files.length} files`);
  const { status } = spawnSync(
    process.execPath,
    [
      "--test",
      `--test-concurrency=${concurrency}`,
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

const all = globSync("test/**/*.test.ts")
  .filter((file) => !file.startsWith("test/cluster/"))
  .toSorted();
const isLab = (file: string): boolean => labFolders.some((folder) => file.startsWith(folder));
let passed = run(
  "unit tests",
  all.filter((file) => !isLab(file)),
  2,
);
if (process.argv[2] !== "unit") {
  passed = run("tests in the lab", all.filter(isLab), 1) && passed;
}
process.exitCode = passed ? 0 : 1;
