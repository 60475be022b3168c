import type { ReceivedMessage } from "../../src/bgp/codec/message.ts";
import type { Update } from "../../src/bgp/codec/update.ts";

/** With its prefixes as arrays: a list that came on the wire equals no array, and keeps host bits. */
export function withArrays<U extends Update>(update: U): U {
  const { withdrawn, nlri, attributes } = update;
  const { mpReach, mpUnreach } = attributes;
  return {
    ...update,
    withdrawn: [...withdrawn],
    attributes: {
      ...attributes,
      ...(mpReach?.type === "unicast" && {
        mpReach: { ...mpReach, prefixes: [...mpReach.prefixes] },
      }),
      ...(mpUnreach?.type === "unicast" && {
        mpUnreach: { ...mpUnreach, prefixes: [...mpUnreach.prefixes] },
      }),
    },
    nlri: [...nlri],
  };
}

/** A message that compares with others by what it says. */
export function comparable(message: ReceivedMessage): ReceivedMessage {
  return message.type === "UPDATE" ? withArrays(message) : message;
}
