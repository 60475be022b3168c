import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { nextTurn } from "../../src/runtime/clock.ts";
import { LinesOfATurn } from "../../src/runtime/lines-of-a-turn.ts";
import { createLogger } from "../../src/runtime/logger.ts";

function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "routelb-lines-"));
  const file = join(folder, "log");
  const fd = openSync(file, "w");
  t.after(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  return { lines: new LinesOfATurn(fd), text: () => readFileSync(file, "utf8") };
}

test("lines are written in their order at the end of the turn", async (t) => {
  const { lines, text } = setUp(t);
  lines.write("a\n");
  lines.write("b\n");
  assert.equal(text(), "");
  await nextTurn();
  assert.equal(text(), "a\nb\n");
  lines.write("c\n");
  await nextTurn();
  assert.equal(text(), "a\nb\nc\n");
});

test("a warning is written at once, after what came before it", async (t) => {
  const { lines, text } = setUp(t);
  const logger = createLogger("info", lines);
  logger.info({}, "first");
  assert.equal(text(), "");
  logger.warn({}, "second");
  assert.match(text(), /first[^]*second/);
  await nextTurn();
});

test("a turn with many lines does not hold them all", async (t) => {
  const { lines, text } = setUp(t);
  const line = `${"x".repeat(99)}\n`;
  for (let count = 0; count < 100; count += 1) {
    lines.write(line);
  }
  assert.ok(text().length > 8_000, `${text().length}`);
  await nextTurn();
  assert.equal(text().length, 10_000);
});

for (const [how, code] of [
  ["exit", "process.exit(3)"],
  ["an exception", 'throw new Error("odd")'],
]) {
  test(`a process that ends by ${how} has written its last lines`, () => {
    const path = fileURLToPath(new URL("../../src/runtime/logger.ts", import.meta.url));
    const program = `
      const { createLogger } = await import(${JSON.stringify(path)});
      createLogger("info").info({}, "last words");
      ${code};`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program]);
    assert.match(stdout.toString(), /"msg":"last words"\}\n$/);
  });
}
