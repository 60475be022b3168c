import { convertFields, type FieldTable, plain, type Values } from "./field-table.ts";
import type { Remark } from "./loss.ts";
import type { MetallbObject } from "./metallb-object.ts";

/** BFDProfile. */
const profileTable: FieldTable = {
  receiveInterval: { key: "receive-interval", value: plain(300) },
  transmitInterval: { key: "transmit-interval", value: plain(300) },
  detectMultiplier: { key: "detect-multiplier", value: plain(3) },
  passiveMode: { key: "passive-mode", value: plain(false) },
  minimumTtl: { key: "minimum-ttl", value: plain(254) },
  echoMode: {
    lost: "echo packets are not built; asynchronous mode detects as fast with lower transmitInterval and receiveInterval",
  },
  // Means nothing without echoMode.
  echoInterval: "elsewhere",
};

export function convertProfile(object: MetallbObject): {
  readonly values: Values;
  readonly losses: readonly Remark[];
} {
  const { values, losses } = convertFields(object, profileTable);
  return { values: { name: object.name, ...values }, losses };
}
