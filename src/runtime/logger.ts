import { type DestinationStream, pino } from "pino";
import { LinesOfATurn } from "./lines-of-a-turn.ts";

/**
 * `message` is constant text; whatever varies is a field. An Error goes under `err`.
 *
 * debug: for who looks for a fault; info: a state changed; warn: we recover by ourselves; error: a
 * person must act.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds `fields` to each line. */
  child(fields: object): Logger;
}

/** The values of `--log-level`; `all` is `debug`, as in MetalLB. */
export const logLevels = ["all", "debug", "info", "warn", "error", "none"] as const;
export type LogLevel = (typeof logLevels)[number];

export function isLogLevel(text: string): text is LogLevel {
  return logLevels.some((level) => level === text);
}

const pinoLevels = {
  all: "trace",
  debug: "debug",
  info: "info",
  warn: "warn",
  error: "error",
  none: "silent",
} as const satisfies Record<LogLevel, string>;

/** Fields that are never written, wherever they stand in the first three levels. */
const secretFields = ["password", "token", "authorization", "Authorization", "secret"];

const causesLimit = 5;

/**
 * An error as it is logged: name, message, code, and those of its causes. A stack only where the
 * error is one that we did not expect, of JavaScript's own classes and without a code.
 */
export function describeError(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) {
    return { message: String(error) };
  }
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  const isExpected = code !== undefined || !unexpectedErrors.has(error.name);
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(isExpected ? {} : { stack: error.stack }),
    ...(error.cause === undefined || depth === causesLimit
      ? {}
      : { cause: describeError(error.cause, depth + 1) }),
  };
}

const unexpectedErrors = new Set([
  "Error",
  "TypeError",
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "AggregateError",
]);

/**
 * The root logger: one JSON object a line, to `destination`; d: standard output, warnings and errors at
 * once, the rest at the end of the turn of the event loop.
 */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level: pinoLevels[level],
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
    redact: {
      paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: "(not shown)",
    },
  };
  return pino(options, destination ?? new LinesOfATurn(1));
}
