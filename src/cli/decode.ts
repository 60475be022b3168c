import type { AttributeContext } from "../bgp/codec/attribute.ts";
import { NotificationError } from "../bgp/codec/error.ts";
import { type Frame, Framer } from "../bgp/codec/frame.ts";
import { decodeMessage, type ReceivedMessage } from "../bgp/codec/message.ts";
import { notificationName } from "../bgp/codec/notification.ts";
import { describeMessage, type Field, hex } from "../bgp/describe-message.ts";
import { type FlagSpec, formatFlags, parseFlags, UsageError } from "./flags.ts";
import type { CommandIo } from "./io.ts";

const flags: readonly FlagSpec[] = [
  { name: "two-octet-asn", help: "AS numbers have two octets (no capability 65 on one side)" },
  { name: "internal", help: "the sender is of our own AS" },
];

export const decodeUsage = `usage: routelb decode [FLAGS] HEX...

Explains BGP messages, field by field: one or more, as on the wire, with their headers. HEX may have
blanks, colons and line breaks; without it, the standard input is read.

Exit code: 0, 1 if a message breaks the protocol (what a NOTIFICATION would say is printed), 2 if
HEX is none.

flags:
${formatFlags(flags)}
  --help           print this`;

/**
 * Runs `routelb decode ARGS`.
 *
 * @returns the exit code
 * @throws UsageError if the arguments are not understood
 */
export async function runDecode(args: readonly string[], io: CommandIo): Promise<number> {
  const words = args.filter((argument) => !argument.startsWith("-"));
  const given = parseFlags(
    flags,
    args.filter((argument) => argument.startsWith("-")),
    io.environment,
  );
  const octets = parseHex(words.length > 0 ? words.join("") : await readText(io));
  return decodeStream(octets, io, {
    asnOctets: given.isOn("two-octet-asn") ? 2 : 4,
    internal: given.isOn("internal"),
  });
}

async function readText(io: CommandIo): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of io.stdin) {
    text += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** @throws UsageError if `text` is no hexadecimal, or nothing at all */
function parseHex(text: string): Uint8Array {
  const digits = text.replaceAll(/0x|[\s:]/gi, "");
  if (digits === "") {
    throw new UsageError("give the octets of a message, in hexadecimal");
  }
  const wrong = /[^0-9a-f]/i.exec(digits);
  if (wrong !== null) {
    throw new UsageError(`${wrong[0]} is no hexadecimal digit`);
  }
  if (digits.length % 2 === 1) {
    throw new UsageError(`${digits.length} hexadecimal digits are no whole octets`);
  }
  return Buffer.from(digits, "hex");
}

function decodeStream(octets: Uint8Array, io: CommandIo, context: AttributeContext): number {
  const framer = new Framer();
  framer.push(octets);
  let read = 0;
  try {
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
      read += frame.octets.length;
      print(decodeMessage(frame, context), frame, io);
    }
  } catch (error) {
    if (!(error instanceof NotificationError)) {
      throw error;
    }
    const data = error.data.length === 0 ? "" : ` (data ${hex(error.data)})`;
    io.writeError(`NOTIFICATION ${notificationName(error)}${data}: ${error.message}\n`);
    return 1;
  }
  if (read < octets.length) {
    io.writeError(`the last ${octets.length - read} octets are no whole message\n`);
    return 1;
  }
  return 0;
}

function print(message: ReceivedMessage, frame: Frame, io: CommandIo): void {
  io.write(`${message.type}, ${frame.octets.length} octets\n`);
  const fields = describeMessage(message);
  const width = Math.max(...fields.map(([name]) => name.length));
  for (const [name, text] of fields) {
    io.write(`${line([name, text], width)}\n`);
  }
}

function line([name, text]: Field, width: number): string {
  return `  ${name.padEnd(width)}  ${text}`;
}
