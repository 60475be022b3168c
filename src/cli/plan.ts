import { readFile } from "node:fs/promises";
import type { LoadBalancerClass } from "../cluster/service.ts";
import { findConfigs } from "../config/manifest.ts";
import { readObjects } from "../config/manifest-objects.ts";
import type { Config } from "../config/model.ts";
import { formatFinding, parseConfig } from "../config/parse.ts";
import { formatYaml } from "../config/yaml-text.ts";
import { recordOf } from "../kube/json.ts";
import { type Finding, runQuery } from "./cluster-query.ts";
import { type FlagSpec, formatFlags, type ParsedFlags, parseFlags, UsageError } from "./flags.ts";
import type { CommandIo } from "./io.ts";
import {
  type ClusterFacts,
  type ConfigPlace,
  ManifestError,
  readCluster,
  readManifests,
} from "./plan/cluster-facts.ts";
import { planChange } from "./plan/plan-change.ts";
import { formatPlan, isEmptyChange } from "./plan/plan-text.ts";
import { queryFlags, readQueryOptions, shortNames, splitArguments } from "./query-flags.ts";

const planFlags: readonly FlagSpec[] = [
  ...queryFlags.filter(({ name }) => name !== "watch"),
  { name: "config", placeholder: "NAME", help: "name of the ConfigMap", default: "config" },
  {
    name: "manifests",
    placeholder: "DIR",
    help: "take the cluster from the manifests in a folder, not from an API server; also -f",
  },
  {
    name: "lb-class",
    placeholder: "CLASS",
    help: "as the controller and the speakers have it",
  },
  { name: "default-class", help: "as the controller and the speakers have it" },
  { name: "exit-code", help: "exit 1 if something changes" },
];

const planShortNames = new Map([...shortNames, ["-f", "--manifests"]]);

export const planUsage = `usage: routelb plan FILE [FLAGS]

Tells what a new configuration would change before it is applied: Services that get another address,
lose theirs or get one; sessions that are added, removed or reset; routes that each node adds (+),
withdraws (-) or advertises with other attributes (~) to each peer. It compares with the configuration
in force (ConfigMap NAME-in-force, else NAME). FILE is a ConfigMap manifest or the bare text of its
key config, - for the standard input. Nothing is written. Draining nodes, Secrets and the BGP
sessions' state are left out of account; a default gateway stands for one session per node.

Exit code: 0; with --exit-code 1 if something changes; 2 if it could not run or FILE has an error;
3 if the controller would refuse the configuration, because Services would lose their address and the
ConfigMap (in FILE or in the cluster) does not have routelb.io/allow-renumbering: "true".

flags:
${formatFlags(planFlags)}
  --help               print this`;

const changedCode = 1;
const failedCode = 2;
const refusedCode = 3;
const renumberingAnnotation = "routelb.io/allow-renumbering";

interface PlanInputs {
  readonly facts: ClusterFacts;
  readonly place: ConfigPlace;
  readonly fileText: string;
  readonly after: Config;
  readonly loadBalancerClass: LoadBalancerClass;
  readonly reportsChange: boolean;
}

/**
 * Runs `routelb plan ARGS`.
 *
 * @returns the exit code
 * @throws UsageError if the arguments are not understood
 */
export async function runPlan(args: readonly string[], io: CommandIo): Promise<number> {
  const { flags: given, words } = splitArguments(args, planFlags, planShortNames);
  const flags = parseFlags(planFlags, given, io.environment);
  const options = readQueryOptions(flags, io);
  const [file, ...more] = words;
  if (file === undefined || more.length > 0) {
    throw new UsageError("give one FILE, or - for the standard input");
  }
  const loadBalancerClass = readClass(flags);
  const fileText = await readText(file, io);
  const after = fileText === undefined ? undefined : configOf(fileText, file, io);
  if (fileText === undefined || after === undefined) {
    return failedCode;
  }
  const place = { namespace: options.namespace, name: flags.value("config") ?? "config" };
  const reportsChange = flags.isOn("exit-code");
  const inputs = { place, fileText, after, loadBalancerClass, reportsChange };
  const folder = flags.value("manifests");
  if (folder !== undefined) {
    return planFromManifests(folder, inputs, options.output, io);
  }
  return runQuery({
    name: "plan",
    options,
    io,
    ask: async ({ api }) => findingOf({ ...inputs, facts: await readCluster(api, place) }),
  });
}

async function planFromManifests(
  folder: string,
  inputs: Omit<PlanInputs, "facts">,
  output: ReturnType<typeof readQueryOptions>["output"],
  io: CommandIo,
): Promise<number> {
  try {
    const finding = findingOf({ ...inputs, facts: await readManifests(folder) });
    const style = { isWide: output === "wide", hasColours: false };
    io.write(
      output === "json"
        ? `${JSON.stringify(finding.value, undefined, 2)}\n`
        : output === "yaml"
          ? formatYaml(finding.value)
          : finding.text(style),
    );
    return finding.exitCode;
  } catch (error) {
    if (!(error instanceof ManifestError)) {
      throw error;
    }
    io.writeError(`routelb plan: ${error.message}\n`);
    return failedCode;
  }
}

/** @throws ManifestError if the configuration in force cannot be read by this program */
function findingOf(inputs: PlanInputs): Finding {
  const { facts, place, fileText, after, loadBalancerClass, reportsChange } = inputs;
  const key = `${place.namespace}/${place.name}`;
  const user = facts.configMaps.get(key);
  const inForce = facts.configMaps.get(`${key}-in-force`);
  const text = inForce?.data["config"] ?? user?.data["config"] ?? "";
  const before = parseConfig(text);
  if (!before.ok) {
    throw new ManifestError(`the configuration in force (ConfigMap ${key}) has errors`);
  }
  const change = planChange(facts, loadBalancerClass, before.config, after);
  const mayRenumber =
    user?.annotations[renumberingAnnotation] === "true" || allowsRenumbering(fileText);
  const isRefused = change.stranded.length > 0 && !mayRenumber;
  const isChange = reportsChange && !isEmptyChange(change);
  return {
    value: { refused: isRefused, ...change },
    text: () => formatPlan(change, mayRenumber),
    exitCode: isRefused ? refusedCode : isChange ? changedCode : 0,
  };
}

function allowsRenumbering(fileText: string): boolean {
  return readObjects(fileText)
    .map(({ metadata }) => recordOf(recordOf(metadata)["annotations"]))
    .some((annotations) => annotations[renumberingAnnotation] === "true");
}

function readClass(flags: ParsedFlags): LoadBalancerClass {
  const name = flags.value("lb-class");
  if (name === undefined && flags.isOn("default-class")) {
    throw new UsageError("--default-class needs --lb-class");
  }
  return { ...(name === undefined ? {} : { name }), isDefault: flags.isOn("default-class") };
}

function configOf(fileText: string, file: string, io: CommandIo): Config | undefined {
  const content = findConfigs(fileText);
  if (content.type === "other-manifests" || content.configs.length !== 1) {
    io.writeError(`routelb plan: ${file} holds not one ConfigMap with a configuration\n`);
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

async function readText(file: string, io: CommandIo): Promise<string | undefined> {
  try {
    return file === "-" ? await readAll(io.stdin) : await readFile(file, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    io.writeError(`routelb plan: cannot read ${file}: ${why}\n`);
    return undefined;
  }
}

async function readAll(stream: CommandIo["stdin"]): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) {
    chunks.push(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
