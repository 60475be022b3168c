import type { LoadBalancerClass } from "../cluster/service.ts";
import type { Config } from "../config/model.ts";
import { type Finding, runQuery, show } from "./cluster-query.ts";
import { type FlagSpec, formatFlags, parseFlags, UsageError } from "./flags.ts";
import type { CommandIo } from "./io.ts";
import {
  type ClusterFacts,
  type ConfigPlace,
  ManifestError,
  readCluster,
  readManifests,
} from "./plan/cluster-facts.ts";
import { readConfigFile } from "./plan/config-file.ts";
import { planChange } from "./plan/plan-change.ts";
import { formatPlan, isEmptyChange } from "./plan/plan-text.ts";
import {
  comparisonFlags,
  comparisonShortNames,
  configInForce,
  mayRenumber,
  readClass,
} from "./plan/standing-config.ts";
import { readQueryOptions, splitArguments } from "./query-flags.ts";

const planFlags: readonly FlagSpec[] = [
  ...comparisonFlags,
  { name: "exit-code", help: "exit 1 if something changes" },
];

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
  const { flags: given, words } = splitArguments(args, planFlags, comparisonShortNames);
  const flags = parseFlags(planFlags, given, io.environment);
  const options = readQueryOptions(flags, io);
  const [file, ...more] = words;
  if (file === undefined || more.length > 0) {
    throw new UsageError("give one FILE, or - for the standard input");
  }
  const loadBalancerClass = readClass(flags);
  const read = await readConfigFile("plan", file, io);
  if (read === undefined) {
    return failedCode;
  }
  const { text: fileText, config: after } = read;
  const place = { namespace: options.namespace, name: flags.value("config") ?? "config" };
  const reportsChange = flags.isOn("exit-code");
  const inputs = { place, fileText, after, loadBalancerClass, reportsChange };
  const folder = flags.value("manifests");
  try {
    return folder === undefined
      ? await runQuery({
          name: "plan",
          options,
          io,
          ask: async ({ api }) => findingOf({ ...inputs, facts: await readCluster(api, place) }),
        })
      : show(findingOf({ ...inputs, facts: await readManifests(folder) }), options, io);
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
  const before = configInForce(facts, place);
  if (before === undefined) {
    throw new ManifestError("the configuration in force has errors");
  }
  const change = planChange(facts, loadBalancerClass, before, after);
  const isAllowed = mayRenumber(facts, place, fileText);
  const isRefused = change.stranded.length > 0 && !isAllowed;
  const isChange = reportsChange && !isEmptyChange(change);
  return {
    value: { refused: isRefused, ...change },
    text: () => formatPlan(change, isAllowed),
    exitCode: isRefused ? refusedCode : isChange ? changedCode : 0,
  };
}
