import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { waitFor } from "../../lab/wait.ts";

/** A Go that is new enough, and whose build ends when there is a file `proceed`. */
const fakeGo = `#!/bin/bash
if [ "$1" = env ]; then echo go9.9.9; exit; fi
out=$3 here=$(dirname "$0")/..
echo half >"$out/program"
echo $PPID $$ >>"$here/begun"
while [ -d "$here" ] && ! [ -e "$here/proceed" ]; do sleep 0.02; done
echo whole >"$out/program"
`;

const fakeBuild = `#!/bin/bash
set -euo pipefail
cd "$(dirname "\${BASH_SOURCE[0]}")"
source ${resolve("test/cluster/build-once.sh")}
build() { "$go" build -o "$1"; }
build_once fake "The fake" "no time" go.mod build.sh
`;

/** One run of build.sh. */
interface Build {
  readonly pid: number;
  /** What it wrote to stderr so far. */
  readonly progress: () => string;
  /** The exit code or the signal, and what was printed. */
  readonly ended: Promise<{ readonly end: unknown; readonly printed: string }>;
}

/** A Go module with its build.sh; beside it the fake Go and an empty cache. */
class Workshop implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "routelb-build-"));
  readonly #builds: Build[] = [];

  constructor() {
    for (const name of ["bin", "module"]) mkdirSync(this.path(name));
    writeFileSync(this.path("bin/go"), fakeGo, { mode: 0o755 });
    writeFileSync(this.path("module/go.mod"), "module fake\n\ngo 1.26.0\n");
    writeFileSync(this.path("module/build.sh"), fakeBuild, { mode: 0o755 });
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  start(): Build {
    const PATH = `${this.path("bin")}:${process.env["PATH"]}`;
    const shell = spawn(this.path("module/build.sh"), {
      env: { ...process.env, PATH, XDG_CACHE_HOME: this.#folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    assert.ok(shell.pid);
    let progress = "";
    shell.stderr.on("data", (chunk) => {
      progress += chunk;
    });
    const ended = Promise.all([once(shell, "close"), text(shell.stdout)]).then(
      ([[code, signal], stdout]) => ({ end: code ?? signal, printed: stdout.trim() }),
    );
    const build = { pid: shell.pid, progress: () => progress, ended };
    this.#builds.push(build);
    return build;
  }

  /** The processes of each run of the compiler: the shell that waits for it, and itself. */
  compilers(): readonly (readonly number[])[] {
    if (!existsSync(this.path("begun"))) return [];
    const lines = readFileSync(this.path("begun"), "utf8").split("\n").slice(0, -1);
    return lines.map((line) => line.split(" ").map(Number));
  }

  /** The compilers end. */
  proceed(): void {
    writeFileSync(this.path("proceed"), "");
  }

  /** What is in the cache under a final name: neither locks nor what is being built. */
  complete(): readonly string[] {
    return this.cache().filter((name) => !/\.(lock|part)$/.test(name));
  }

  cache(): readonly string[] {
    return readdirSync(this.path("routelb"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.proceed();
    await Promise.all(this.#builds.map(({ ended }) => ended));
    rmSync(this.#folder, { recursive: true });
  }
}

const soon = (what: string) => ({ what, timeoutMs: 60_000, intervalMs: 10 });

test("of two builds at once one builds, the other waits, and both print the same folder", async () => {
  await using workshop = new Workshop();
  const one = workshop.start();
  await waitFor(() => workshop.compilers().length > 0 || undefined, soon("a compiler runs"));
  const other = workshop.start();
  const isWaiting = () => other.progress().startsWith("Waiting for the build") || undefined;
  await waitFor(isWaiting, soon("the other one waits"));
  assert.deepEqual(workshop.complete(), []);
  workshop.proceed();
  const [first, second] = await Promise.all([one.ended, other.ended]);
  assert.deepEqual([first.end, second.end], [0, 0]);
  assert.equal(second.printed, first.printed);
  assert.deepEqual(workshop.complete(), [basename(first.printed)]);
  assert.equal(readFileSync(join(first.printed, "program"), "utf8"), "whole\n");
  assert.equal(workshop.compilers().length, 1);
});

test("a build that is killed leaves nothing under the final name, and the next one builds", async () => {
  await using workshop = new Workshop();
  const killed = workshop.start();
  await waitFor(() => workshop.compilers().length > 0 || undefined, soon("a compiler runs"));
  for (const pid of [killed.pid, ...workshop.compilers().flat()]) process.kill(pid, "SIGKILL");
  assert.deepEqual(await killed.ended, { end: "SIGKILL", printed: "" });
  const partial = workshop.cache().find((name) => name.endsWith(".part")) ?? "";
  const half = readFileSync(join(workshop.path("routelb"), partial, "program"), "utf8");
  assert.equal(half, "half\n");
  assert.deepEqual(workshop.complete(), []);
  workshop.proceed();
  const next = await workshop.start().ended;
  assert.equal(next.end, 0);
  assert.equal(workshop.compilers().length, 2);
  assert.deepEqual(workshop.complete(), [basename(next.printed)]);
  assert.equal(readFileSync(join(next.printed, "program"), "utf8"), "whole\n");
});
