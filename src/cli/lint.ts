import { type FoundConfig, findConfigs } from "../config/manifest.ts";
import type { Config, ConfigFinding } from "../config/model.ts";
import { formatFinding, parseConfig } from "../config/parse.ts";
import { secretNames } from "../speaker/peers.ts";
import { type ClusterAccess, type Finding, runQuery, show } from "./cluster-query.ts";
import {
  type FlagSpec,
  formatFlags,
  mustBeNumber,
  type ParsedFlags,
  parseFlags,
  UsageError,
} from "./flags.ts";
import { type CommandIo, readText } from "./io.ts";
import { findLive, type LiveFinding, type LiveInputs } from "./lint/live-findings.ts";
import { hasMetallbSpeakers } from "./lint/metallb.ts";
import { pathFindings, type RouterLimits } from "./lint/path-findings.ts";
import {
  type ConfigPlace,
  ManifestError,
  readCluster,
  readManifests,
  readSecrets,
} from "./plan/cluster-facts.ts";
import {
  comparisonFlags,
  comparisonShortNames,
  configInForce,
  mayRenumber,
  readClass,
} from "./plan/standing-config.ts";
import { type QueryOptions, readQueryOptions, splitArguments } from "./query-flags.ts";

const lintFlags: readonly FlagSpec[] = [
  { name: "live", help: "also check against the cluster" },
  {
    name: "router-paths",
    placeholder: "N",
    help: "next hops of one route that the routers use (maximum-paths)",
    whyInvalid: mustBeNumber(1, 999_999_999),
  },
  {
    name: "router-next-hops",
    placeholder: "N",
    help: "next hops of all routes that the routers hold",
    whyInvalid: mustBeNumber(1, 999_999_999),
  },
  ...comparisonFlags,
];

export const lintUsage = `usage: routelb lint FILE [FLAGS]

Checks a configuration: a ConfigMap manifest (YAML or JSON), or the bare text of its key config.
FILE is - for the standard input. Prints one line per finding, FILE:LINE:COLUMN: PATH: what is wrong.

With --live, or -f DIR in place of a cluster, a valid configuration is also held against the cluster:
peers that are unused, selectors that match no node, missing Secrets, pools that hold addresses of
nodes, Pods or ClusterIPs, addresses shared with Local Services, addresses that Services would lose,
more nodes or addresses than the routers' ECMP usually holds, or does as --router-paths says; beside
MetalLB's speakers, what would make its routes and ours unequal. Without these flags, a ConfigMap in
metallb-system counts as beside them.

Exit code: 1 if a finding is an error, 0 if there are only warnings or none, 2 if it could not run.

flags:
${formatFlags(lintFlags)}
  --help               print this`;

const failedCode = 2;

/** A finding as `-o json` shows it. */
interface ShownFinding {
  readonly severity: "error" | "warning";
  /** The line for people. */
  readonly text: string;
  readonly message: string;
}

interface CheckInputs extends Pick<LiveInputs, "facts" | "forbiddenSecrets"> {
  /** Absent: nobody looked. */
  /** Whether MetalLB's speakers run there; undefined: that is not known. */
  readonly isBesideMetallb?: boolean | undefined;
}

/** Where it is not said what is beside us, the ConfigMap's namespace tells. */
type Check = (isBesideMetallb?: boolean) => CheckedFile;

/** What the file itself tells. */
interface CheckedFile {
  readonly findings: readonly ShownFinding[];
  /** Of a file with one configuration that has no errors. */
  readonly config?: Config;
}

/**
 * Runs `routelb lint ARGS`.
 *
 * @returns the exit code
 * @throws UsageError if the arguments are not understood
 */
export async function runLint(args: readonly string[], io: CommandIo): Promise<number> {
  const split = splitArguments(args, lintFlags, comparisonShortNames);
  const flags = parseFlags(lintFlags, split.flags, io.environment);
  const options = readQueryOptions(flags, io);
  const loadBalancerClass = readClass(flags);
  const folder = flags.value("manifests");
  const isLive = flags.isOn("live") || folder !== undefined;
  const limits = readLimits(flags, isLive);
  const [name, ...more] = split.words;
  if (name === undefined || more.length > 0) {
    throw new UsageError("give one FILE, or - for the standard input");
  }
  const text = await readFileText(name, io);
  const file = name === "-" ? "stdin" : name;
  const place = { namespace: options.namespace, name: flags.value("config") ?? "config" };
  const checked = text === undefined ? undefined : checkText(text, file, place, io);
  if (text === undefined || checked === undefined) {
    return failedCode;
  }
  const { config } = checked();
  if (config === undefined || !isLive) {
    return show(findingOf(checked().findings), options, io);
  }
  const check = ({ isBesideMetallb, ...inputs }: CheckInputs): Finding => {
    const inForce = mayRenumber(inputs.facts, place, text)
      ? undefined
      : configInForce(inputs.facts, place);
    const live = findLive({
      ...inputs,
      config,
      loadBalancerClass,
      namespace: place.namespace,
      isWithoutMetallb: isBesideMetallb === false,
      ...(inForce === undefined ? {} : { inForce }),
    });
    const paths = pathFindings({ ...inputs, config, loadBalancerClass }, limits);
    const shown = [...live, ...paths].map((each) => shownLive(each, file));
    const { findings } = checked(isBesideMetallb);
    return findingOf([...findings, ...shown]);
  };
  if (folder !== undefined) {
    return lintManifests(folder, check, options, io);
  }
  const ask = async ({ api }: ClusterAccess) => {
    const facts = await readCluster(api, place);
    const { secrets, forbidden } = await readSecrets(api, place.namespace, secretNames(config));
    const isBesideMetallb = await hasMetallbSpeakers(api);
    return check({ facts: { ...facts, secrets }, forbiddenSecrets: forbidden, isBesideMetallb });
  };
  return runQuery({ name: "lint", options, io, ask });
}

/** @throws UsageError where there is no cluster to hold them against */
function readLimits(flags: ParsedFlags, isLive: boolean): RouterLimits {
  const [paths, nextHops] = [flags.value("router-paths"), flags.value("router-next-hops")];
  if (!isLive && (paths ?? nextHops) !== undefined) {
    throw new UsageError("--router-paths and --router-next-hops need --live, or -f");
  }
  return {
    ...(paths === undefined ? {} : { paths: Number(paths) }),
    ...(nextHops === undefined ? {} : { nextHops: Number(nextHops) }),
  };
}

async function lintManifests(
  folder: string,
  check: (inputs: CheckInputs) => Finding,
  options: QueryOptions,
  io: CommandIo,
): Promise<number> {
  try {
    const facts = await readManifests(folder);
    return show(check({ facts, forbiddenSecrets: new Set() }), options, io);
  } catch (error) {
    if (!(error instanceof ManifestError)) {
      throw error;
    }
    io.writeError(`routelb lint: ${error.message}\n`);
    return failedCode;
  }
}

function findingOf(findings: readonly ShownFinding[]): Finding {
  return {
    value: { findings },
    text: () => findings.map(({ text }) => `${text}\n`).join(""),
    exitCode: findings.some(({ severity }) => severity === "error") ? 1 : 0,
  };
}

function shownLive({ severity, subject, message }: LiveFinding, file: string): ShownFinding {
  const mark = severity === "warning" ? "warning: " : "";
  return { severity, text: `${file}: ${mark}${subject}: ${message}`, message };
}

async function readFileText(name: string, io: CommandIo): Promise<string | undefined> {
  try {
    return await readText(name, io);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    io.writeError(`routelb lint: cannot read ${name}: ${why}\n`);
    return undefined;
  }
}

function checkText(
  text: string,
  file: string,
  place: ConfigPlace,
  io: CommandIo,
): Check | undefined {
  const content = findConfigs(text);
  if (content.type === "other-manifests") {
    const kinds = content.kinds.join(", ");
    io.writeError(`routelb lint: ${file} holds no ConfigMap, only manifests of kind ${kinds}.\n`);
    return undefined;
  }
  if (content.type === "no-key") {
    const findings = content.findings.map((finding) => shownInFile(finding, file));
    return () => ({ findings });
  }
  return (isBesideMetallb) => checkConfigs(content.configs, file, place, isBesideMetallb);
}

function checkConfigs(
  configs: readonly FoundConfig[],
  file: string,
  place: ConfigPlace,
  isBesideMetallb: boolean | undefined,
): CheckedFile {
  const parsed = configs.map((found) => ({
    found,
    result: parseConfig(found.text, {
      layer2: "error",
      isBesideMetallb: isBesideMetallb ?? found.configMap?.startsWith("metallb-system/") === true,
    }),
  }));
  const findings = parsed.flatMap(({ found, result }) => [
    ...unreadFindings(found, place, file),
    ...result.findings.map((finding) => shownFinding(finding, found, file)),
  ]);
  const [only, ...others] = parsed;
  return only?.result.ok === true && others.length === 0
    ? { findings, config: only.result.config }
    : { findings };
}

/**
 * The ConfigMap of another name or namespace, which no controller with our flags reads. Beside
 * MetalLB, its namespace is ours, too.
 */
function unreadFindings(
  { configMap }: FoundConfig,
  place: ConfigPlace,
  file: string,
): readonly ShownFinding[] {
  const read = [place.name, `${place.namespace}/${place.name}`, `metallb-system/${place.name}`];
  if (configMap === undefined || configMap === "" || read.includes(configMap)) {
    return [];
  }
  const message =
    `ConfigMap ${configMap} is not read: RouteLB reads ${place.namespace}/${place.name}, ` +
    "unless its flags --namespace and --config say otherwise, as they must here as well";
  return [{ severity: "warning", text: `${file}: warning: ${message}`, message }];
}

/** A finding that has no line of its own in the file is told by its line in the key `config`. */
function shownFinding(finding: ConfigFinding, config: FoundConfig, file: string): ShownFinding {
  const inFile = config.findingInFile(finding);
  const { severity, message } = finding;
  return inFile === undefined
    ? { severity, text: `${file}: ${formatFinding(finding)}`, message }
    : shownInFile(inFile, file);
}

function shownInFile(finding: ConfigFinding, file: string): ShownFinding {
  const { severity, message } = finding;
  return { severity, text: formatFinding(finding, file), message };
}
