import {
  boolean,
  type Fields,
  isComplete,
  nonEmptyText,
  readFields,
  wholeNumber,
} from "./fields.ts";
import { type Report, shown } from "./finding.ts";
import type { BfdProfile } from "./model.ts";
import { keys } from "./schema.ts";
import type { Tree } from "./yaml-tree.ts";

/** By name; undefined is a profile with an error, which was reported. */
export type BfdProfiles = ReadonlyMap<string, BfdProfile | undefined>;

type ProfileFields = Fields<(typeof keys.bfdProfile)[number]>;

const nameRule = "a name of your choice";

/** Reads the members of `bfd-profiles`; each name may stand there once. */
export function readBfdProfiles(members: readonly Tree[], report: Report): BfdProfiles {
  const profiles = new Map<string, BfdProfile | undefined>();
  for (const member of members) {
    const fields = readFields(member, keys.bfdProfile, report);
    if (fields === undefined) {
      continue;
    }
    const name = fields.required("name", nonEmptyText(nameRule), nameRule);
    const profile = readProfile(name ?? "", fields);
    if (readEcho(fields)) {
      report(
        fields.placeOf("echo-mode"),
        "true, but echo packets are not built: leave it out; asynchronous mode detects as fast with transmit-interval and receive-interval",
      );
    }
    if (name !== undefined && profiles.has(name)) {
      report(
        fields.placeOf("name"),
        `${shown(name)} names an earlier profile too: names are unique`,
      );
    } else if (name !== undefined) {
      profiles.set(name, profile);
    }
  }
  return profiles;
}

const interval = wholeNumber({
  min: 10,
  max: 60000,
  what: "an interval is 10 to 60000 milliseconds",
});
const multiplier = wholeNumber({ min: 2, max: 255, what: "a detect multiplier is 2 to 255" });
const ttl = wholeNumber({ min: 1, max: 254, what: "a minimum TTL is 1 to 254" });

function readProfile(name: string, fields: ProfileFields): BfdProfile | undefined {
  const profile = {
    name,
    receiveIntervalMs: fields.withDefault("receive-interval", interval, 300),
    transmitIntervalMs: fields.withDefault("transmit-interval", interval, 300),
    detectMultiplier: fields.withDefault("detect-multiplier", multiplier, 3),
    passiveMode: fields.withDefault("passive-mode", boolean, false),
    minimumTtl: fields.withDefault("minimum-ttl", ttl, 254),
  };
  return isComplete(profile) ? profile : undefined;
}

/** Whether echo packets are asked for; their interval is checked, and means nothing without them. */
function readEcho(fields: ProfileFields): boolean {
  fields.withDefault("echo-interval", interval, 50);
  return fields.withDefault("echo-mode", boolean, false) === true;
}
