import { clusterMessages } from "./cluster-messages.ts";
import { coreMessages } from "./core-messages.ts";
import { workloadMessages } from "./workload-messages.ts";

/**
 * What a field holds. In protobuf, `int` and `bool` are always on the wire, and mean nothing when
 * they are zero; `int?` and `bool?` are there when they were set, and then zero counts. What is in
 * `any` is not looked at.
 */
export type FieldKind =
  | "any"
  | "text"
  | "texts"
  | "int"
  | "int?"
  | "bool"
  | "bool?"
  | "text-map"
  | "bytes-map"
  | "int-or-string"
  | "time"
  | { readonly message: MessageName }
  | { readonly list: MessageName };

/** Fields by their number in protobuf. */
export type MessageFields = Readonly<Record<number, readonly [name: string, kind: FieldKind]>>;

export type MessageName = keyof typeof messages;

/** Kubernetes' messages, as of 1.36. */
const messages = { ...coreMessages, ...workloadMessages, ...clusterMessages };

/** The message of a kind; undefined if it is none of ours. */
export function messageOf(apiVersion: string, kind: string): MessageName | undefined {
  if (apiVersion === "events.k8s.io/v1" && kind === "Event") {
    return "RegardingEvent";
  }
  return isMessageName(kind) ? kind : undefined;
}

export function fieldsOf(message: MessageName): MessageFields {
  return messages[message];
}

const namedFields = new Map<MessageName, ReadonlyMap<string, FieldKind>>();

/** The same by name. */
export function fieldKinds(message: MessageName): ReadonlyMap<string, FieldKind> {
  const known = namedFields.get(message);
  if (known !== undefined) {
    return known;
  }
  const made = new Map(Object.values(fieldsOf(message)));
  namedFields.set(message, made);
  return made;
}

function isMessageName(name: string): name is MessageName {
  return Object.hasOwn(messages, name);
}
