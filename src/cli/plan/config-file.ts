import { findConfigs } from "../../config/manifest.ts";
import type { Config } from "../../config/model.ts";
import { formatFinding, parseConfig } from "../../config/parse.ts";
import { type CommandIo, readText } from "../io.ts";

export interface ConfigFile {
  readonly text: string;
  readonly config: Config;
}

/**
 * Reads a file with one configuration: a ConfigMap manifest, or the bare text of its key `config`.
 *
 * @param file a path, or `-` for the standard input
 * @returns undefined if it cannot be used; why, was written to the standard error
 */
export async function readConfigFile(
  command: string,
  file: string,
  io: CommandIo,
): Promise<ConfigFile | undefined> {
  const text = await readFileText(command, file, io);
  const config = text === undefined ? undefined : configOf(command, text, file, io);
  return text === undefined || config === undefined ? undefined : { text, config };
}

function configOf(command: string, text: string, file: string, io: CommandIo): Config | undefined {
  const content = findConfigs(text);
  if (content.type === "no-key") {
    for (const finding of content.findings) {
      io.writeError(`${formatFinding(finding, file)}\n`);
    }
    return undefined;
  }
  if (content.type === "other-manifests" || content.configs.length !== 1) {
    io.writeError(`routelb ${command}: ${file} holds not one ConfigMap with a configuration\n`);
    return undefined;
  }
  const [found] = content.configs;
  const parsed = parseConfig(found?.text ?? "");
  if (parsed.ok) {
    return parsed.config;
  }
  for (const finding of parsed.findings) {
    io.writeError(`${formatFinding(found?.findingInFile(finding) ?? finding, file)}\n`);
  }
  return undefined;
}

async function readFileText(
  command: string,
  file: string,
  io: CommandIo,
): Promise<string | undefined> {
  try {
    return await readText(file, io);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    io.writeError(`routelb ${command}: cannot read ${file}: ${why}\n`);
    return undefined;
  }
}
