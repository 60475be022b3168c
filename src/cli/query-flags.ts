import { type FlagSpec, mustBeOneOf, type ParsedFlags, UsageError } from "./flags.ts";
import type { CommandIo } from "./io.ts";

export const outputFormats = ["text", "wide", "json", "yaml"] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** What the commands that ask the cluster have in common, read. */
export interface QueryOptions {
  /** Absent: $KUBECONFIG, the home directory's, else the Pod's service account. */
  readonly kubeconfigPath?: string;
  readonly namespace: string;
  readonly output: OutputFormat;
  /** Draw again and again. */
  readonly isWatched: boolean;
  readonly hasColours: boolean;
}

export const queryFlags: readonly FlagSpec[] = [
  {
    name: "kubeconfig",
    placeholder: "FILE",
    help: "how to reach the API server; without it, $KUBECONFIG and so on, as kubectl does",
  },
  {
    name: "namespace",
    placeholder: "NAME",
    help: "where RouteLB runs; also -n",
    default: "routelb-system",
  },
  {
    name: "output",
    placeholder: "FORMAT",
    help: `${outputFormats.join(", ")}; also -o`,
    default: "text",
    whyInvalid: mustBeOneOf(...outputFormats),
  },
  { name: "watch", help: "draw again every 2 s, until interrupted; also -w" },
];

export const shortNames: ReadonlyMap<string, string> = new Map([
  ["-o", "--output"],
  ["-n", "--namespace"],
  ["-w", "--watch"],
]);

/**
 * Splits arguments into those for `parseFlags`, with short names written out, and the others.
 *
 * `-o json`, `-ojson` and `-o=json` are the same. A lone `-` is a word.
 *
 * @param specs the command's flags
 * @param short their short names, with one dash, and the long ones, with two
 */
export function splitArguments(
  args: readonly string[],
  specs: readonly FlagSpec[] = queryFlags,
  short: ReadonlyMap<string, string> = shortNames,
): {
  readonly flags: readonly string[];
  readonly words: readonly string[];
} {
  const needsValue = (flag: string) =>
    specs.some(({ name, placeholder }) => flag === `--${name}` && placeholder !== undefined);
  const flags: string[] = [];
  const words: string[] = [];
  let takesValue = false;
  for (const argument of args) {
    const long = short.get(argument.slice(0, 2));
    if (takesValue || argument.startsWith("--")) {
      flags.push(argument);
      takesValue = !takesValue && needsValue(argument);
    } else if (long !== undefined) {
      const attached = argument.slice(2).replace(/^=/, "");
      flags.push(attached === "" ? long : `${long}=${attached}`);
      takesValue = attached === "" && needsValue(long);
    } else if (argument.startsWith("-") && argument !== "-") {
      throw new UsageError(`unknown flag ${argument}`);
    } else {
      words.push(argument);
    }
  }
  return { flags, words };
}

/** @throws UsageError for `--watch` where nothing can be drawn anew */
export function readQueryOptions(flags: ParsedFlags, io: CommandIo): QueryOptions {
  const kubeconfigPath = flags.value("kubeconfig");
  const output = outputFormats.find((format) => format === flags.value("output")) ?? "text";
  const isWatched = flags.isOn("watch");
  const isDrawn = output === "text" || output === "wide";
  if (isWatched && (io.terminal === undefined || !isDrawn)) {
    throw new UsageError("--watch needs a terminal, and an output of text or wide");
  }
  return {
    ...(kubeconfigPath === undefined ? {} : { kubeconfigPath }),
    namespace: flags.value("namespace") ?? "routelb-system",
    output,
    isWatched,
    hasColours: isDrawn && io.terminal !== undefined && wantsColours(io.environment),
  };
}

/** As no-color.org has it: any text in NO_COLOR. */
function wantsColours({ NO_COLOR: noColour = "", TERM: terminal }: CommandIo["environment"]) {
  return noColour === "" && terminal !== "dumb";
}
