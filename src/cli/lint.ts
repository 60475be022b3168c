import { readFile } from "node:fs/promises";
import { type FoundConfig, findConfigs } from "../config/manifest.ts";
import type { ConfigFinding } from "../config/model.ts";
import { formatFinding, parseConfig } from "../config/parse.ts";
import { UsageError } from "./flags.ts";
import type { CommandIo } from "./io.ts";

export const lintUsage = `usage: routelb lint FILE

Checks a configuration: a ConfigMap manifest (YAML or JSON), or the bare text of its key config.
FILE is - for the standard input. Prints one line per finding, FILE:LINE:COLUMN: PATH: what is wrong.

Exit code: 1 if a finding is an error, 0 if there are only warnings or none, 2 if it could not run.

flags:
  --live          also check against the cluster (not available in this version)
  --help          print this`;

/**
 * Runs `routelb lint ARGS`.
 *
 * @returns the exit code
 * @throws UsageError if the arguments are not understood
 */
export async function runLint(args: readonly string[], io: CommandIo): Promise<number> {
  const isLive = args.includes("--live");
  const names = args.filter((argument) => argument !== "--live");
  const unknown = names.find((name) => name.startsWith("-") && name !== "-");
  if (unknown !== undefined) {
    throw new UsageError(`unknown flag ${unknown}`);
  }
  const [name, ...more] = names;
  if (isLive) {
    io.writeError("routelb lint: --live is not available in this version; leave it out.\n");
    return 2;
  }
  if (name === undefined || more.length > 0) {
    throw new UsageError("give one FILE, or - for the standard input");
  }
  const text = await readText(name, io);
  return text === undefined ? 2 : lintText(text, name === "-" ? "stdin" : name, io);
}

async function readText(name: string, io: CommandIo): Promise<string | undefined> {
  try {
    const bytes = name === "-" ? await readAll(io.stdin) : await readFile(name);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    io.writeError(`routelb lint: cannot read ${name}: ${why}\n`);
    return undefined;
  }
}

async function readAll(stream: CommandIo["stdin"]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) {
    chunks.push(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
  }
  return Buffer.concat(chunks);
}

function lintText(text: string, file: string, io: CommandIo): number {
  const content = findConfigs(text);
  if (content.type === "other-manifests") {
    const kinds = content.kinds.join(", ");
    io.writeError(`routelb lint: ${file} holds no ConfigMap, only manifests of kind ${kinds}.\n`);
    return 2;
  }
  const hasErrors = content.configs.map((config) => lintConfig(config, file, io));
  return hasErrors.includes(true) ? 1 : 0;
}

/** @returns whether a finding is an error */
function lintConfig(config: FoundConfig, file: string, io: CommandIo): boolean {
  const { ok, findings } = parseConfig(config.text, { layer2: "error" });
  for (const finding of findings) {
    io.write(`${findingLine(finding, config, file)}\n`);
  }
  return !ok;
}

/** A finding that has no line of its own in the file is told by its line in the key `config`. */
function findingLine(finding: ConfigFinding, config: FoundConfig, file: string): string {
  const inFile = config.findingInFile(finding);
  return inFile === undefined ? `${file}: ${formatFinding(finding)}` : formatFinding(inFile, file);
}
