import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createLogger,
  describeError,
  isLogLevel,
  type LogLevel,
} from "../../src/runtime/logger.ts";

function logged(level: LogLevel, write: (logger: ReturnType<typeof createLogger>) => void) {
  const lines: string[] = [];
  write(createLogger(level, { write: (line) => lines.push(line) }));
  return lines;
}

test("a line is one JSON object with level, time, fields and message", () => {
  const [line] = logged("info", (logger) =>
    logger.child({ component: "bgp" }).warn({ peer: "rack-a", err: new Error("no") }, "lost"),
  );
  const fields: unknown = JSON.parse(line ?? "");
  assert.partialDeepStrictEqual(fields, {
    level: "warn",
    component: "bgp",
    peer: "rack-a",
    err: { message: "no" },
    msg: "lost",
  });
  assert.match(line ?? "", /"time":"\d{4}-\d\d-\d\dT/);
});

test("each level shows what is at least as grave", () => {
  const shown = (["all", "debug", "info", "warn", "error", "none"] as const).map(
    (level) =>
      logged(level, (logger) => {
        logger.debug({}, "a");
        logger.info({}, "b");
        logger.warn({}, "c");
        logger.error({}, "d");
      }).length,
  );
  assert.deepEqual(shown, [4, 4, 3, 2, 1, 0]);
});

test("passwords and tokens are not written", () => {
  const text = logged("info", (logger) =>
    logger.info(
      {
        password: "s3cret",
        peer: { name: "a", password: "s3cret" },
        request: { headers: { Authorization: "s3cret" } },
      },
      "x",
    ),
  ).join("");
  assert.doesNotMatch(text, /s3cret/);
});

test("an error of ours says what happened without a stack, one that nobody expected has one", () => {
  class LostError extends Error {
    override readonly name = "LostError";
  }
  const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  const [ours, unexpected] = [
    describeError(new LostError("lost", { cause: refused })),
    describeError(new TypeError("undefined is not a function")),
  ];
  assert.deepEqual(ours, {
    type: "LostError",
    message: "lost",
    cause: { type: "Error", message: "connect", code: "ECONNREFUSED" },
  });
  assert.ok("stack" in unexpected && String(unexpected.stack).includes("logger.test.ts"));
  assert.deepEqual(describeError("thrown text"), { message: "thrown text" });
  const circular = new Error("a");
  circular.cause = circular;
  assert.match(JSON.stringify(describeError(circular)), /"message":"a"/);
});

test("only the six levels are levels", () => {
  assert.equal(isLogLevel("none"), true);
  assert.equal(isLogLevel("trace"), false);
});
