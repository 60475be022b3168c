import { parseDurationSeconds } from "./duration.ts";
import { boolean, type Fields, type Reader, readFields, text } from "./fields.ts";
import { type Report, shown } from "./finding.ts";
import type { PeerConfig } from "./model.ts";
import { keys } from "./schema.ts";

type Times = Pick<
  PeerConfig,
  "holdTimeSeconds" | "keepaliveTimeSeconds" | "connectTimeSeconds" | "sendHoldTimeSeconds"
>;

interface DurationRule {
  readonly min: number;
  readonly max: number;
  readonly what: string;
}

/** Whole seconds of a Go duration. */
function duration(rule: DurationRule): Reader<number> {
  return (tree, report) => {
    const value = text(tree, report);
    if (value === undefined) {
      return undefined;
    }
    const seconds = parseDurationSeconds(value);
    if (seconds === undefined) {
      const isNumber = /^[-+]?\d+(?:\.\d+)?$/.test(value);
      const why = isNumber
        ? `has no unit: write ${value}s`
        : "is no duration: write it as 90s or 1m30s";
      report(tree, `${shown(value)} ${why}; ${rule.what}`);
      return undefined;
    }
    if (seconds < rule.min || seconds > rule.max) {
      report(tree, `${shown(value)} is out of range: ${rule.what}`);
      return undefined;
    }
    return seconds;
  };
}

const holdTimeRule = "a hold time is 0, or 3s to 65535s";

const holdTime: Reader<number> = (tree, report) => {
  const seconds = duration({ min: 0, max: 65535, what: holdTimeRule })(tree, report);
  if (seconds === 1 || seconds === 2) {
    report(tree, `${seconds}s is out of range: ${holdTimeRule}`);
    return undefined;
  }
  if (seconds === 0 && tree.type === "scalar" && !/^[-+]?0+[a-z]*$/.test(tree.text)) {
    report(tree, `${shown(tree.text)} is cut to 0, which turns the Hold timer off`, "warning");
  }
  return seconds;
};

const keepaliveTime = duration({ min: 1, max: 65535, what: "a keepalive time is 1s to 65535s" });
const connectTime = duration({ min: 1, max: 65535, what: "a connect time is 1s to 65535s" });
const sendHoldTime = duration({ min: 1, max: 131070, what: "a send hold time is 1s to 131070s" });

/** Reads the four durations of a peer, which bound each other. */
export function readTimes(
  fields: Fields<(typeof keys.peer)[number]>,
  report: Report,
): Times | undefined {
  const hold = fields.withDefault("hold-time", holdTime, 90);
  const keepalive = fields.optional("keepalive-time", keepaliveTime);
  const connect = fields.withDefault("connect-time", connectTime, 10);
  const sendHold = fields.optional("send-hold-time", sendHoldTime);
  if (hold === undefined || connect === undefined) {
    return undefined;
  }
  if (keepalive !== undefined && hold !== 0 && keepalive > hold) {
    report(
      fields.placeOf("keepalive-time"),
      `${keepalive}s is longer than the hold time, ${hold}s: the router would close the session`,
    );
  }
  if (sendHold !== undefined && sendHold <= hold) {
    report(
      fields.placeOf("send-hold-time"),
      `${sendHold}s is out of range: it must be longer than the hold time, ${hold}s`,
    );
  }
  return {
    holdTimeSeconds: hold,
    ...(keepalive === undefined ? {} : { keepaliveTimeSeconds: keepalive }),
    connectTimeSeconds: connect,
    sendHoldTimeSeconds: sendHold ?? Math.max(480, 2 * hold),
  };
}

/** `true`, `false`, or a mapping. */
export const gracefulRestart: Reader<{ restartTimeSeconds: number } | "off"> = (tree, report) => {
  if (tree.type === "scalar") {
    const isOn = boolean(tree, (place, message) =>
      report(place, `${message}, or {restart-time: 120s}`),
    );
    return isOn === undefined ? undefined : isOn ? { restartTimeSeconds: 120 } : "off";
  }
  const fields = readFields(tree, keys.gracefulRestart, report);
  const seconds = fields?.withDefault("restart-time", restartTime, 120);
  return seconds === undefined ? undefined : { restartTimeSeconds: seconds };
};

/** The field has 12 bits (RFC 4724 §3). */
const restartTime = duration({ min: 1, max: 4095, what: "a restart time is 1s to 4095s" });
