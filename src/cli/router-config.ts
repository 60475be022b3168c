import type { Config } from "../config/model.ts";
import { type Prefix, parsePrefix } from "../net/prefix.ts";
import { type ClusterAccess, type Finding, runQuery, show } from "./cluster-query.ts";
import {
  type FlagSpec,
  formatFlags,
  mustBeOneOf,
  type ParsedFlags,
  parseFlags,
  UsageError,
} from "./flags.ts";
import type { CommandIo } from "./io.ts";
import {
  type ClusterFacts,
  type ConfigPlace,
  ManifestError,
  readCluster,
  readManifests,
} from "./plan/cluster-facts.ts";
import { readConfigFile } from "./plan/config-file.ts";
import { comparisonFlags, comparisonShortNames, configInForce } from "./plan/standing-config.ts";
import { readQueryOptions, splitArguments } from "./query-flags.ts";
import { formatBird } from "./router-config/bird.ts";
import { formatFrr } from "./router-config/frr.ts";
import {
  type RouterSide,
  RouterSideError,
  type RouterSideInputs,
  routerSides,
} from "./router-config/router-side.ts";
import { formatVyos, type VyosVersion } from "./router-config/vyos.ts";

const dialects = ["frr", "vyos", "bird"] as const;
const vyosVersions: readonly VyosVersion[] = ["1.3", "1.4"];

const routerConfigFlags: readonly FlagSpec[] = [
  {
    name: "dialect",
    placeholder: "NAME",
    help: `the router's language: ${dialects.join(", ")}`,
    whyInvalid: mustBeOneOf(...dialects),
  },
  {
    name: "vyos",
    placeholder: "VERSION",
    help: `with --dialect vyos: ${vyosVersions.join(", or ")} for 1.4 and later`,
    default: "1.4",
    whyInvalid: mustBeOneOf(...vyosVersions),
  },
  {
    name: "listen-range",
    placeholder: "CIDR",
    help: "let every address of this network open a session, instead of naming the nodes",
    whyInvalid: (value) =>
      parsePrefix(value) === undefined ? "is not a network as in 172.16.7.0/24" : undefined,
  },
  { name: "peer", placeholder: "NAME", help: "only this entry of peers" },
  {
    name: "router-asn",
    placeholder: "ASN",
    help: "the router's AS number, where peer-asn is external",
    whyInvalid: mustBeAsn,
  },
  ...comparisonFlags.filter(({ name }) => !["output", "lb-class", "default-class"].includes(name)),
];

export const routerConfigUsage = `usage: routelb router-config --dialect NAME [FILE] [FLAGS]

Prints what the routers must be configured with, so that the sessions of a configuration come up and
traffic is balanced: a neighbour for each node (or a listen range), what is taken from them, ECMP,
BFD, passwords' places; with a comment where it matters. Ready to paste once the passwords are
filled in: they are never printed. The configuration is FILE (a ConfigMap manifest or the bare text
of its key config, - for the standard input), else the one in force. The nodes are those of the
cluster, or of the manifests in a folder (-f); with FILE and --listen-range, nobody is asked.

Exit code: 0; 2 if it could not run.

flags:
${formatFlags(routerConfigFlags)}
  --help               print this`;

const failedCode = 2;

/** What the command line says. */
interface Request {
  readonly dialect: (typeof dialects)[number];
  readonly vyosVersion: VyosVersion;
  readonly listenRange?: Prefix;
  readonly peer?: string;
  readonly routerAsn?: number;
  readonly place: ConfigPlace;
  /** Absent: the configuration in force. */
  readonly config?: Config;
}

/**
 * Runs `routelb router-config ARGS`.
 *
 * @returns the exit code
 * @throws UsageError if the arguments are not understood
 */
export async function runRouterConfig(args: readonly string[], io: CommandIo): Promise<number> {
  const split = splitArguments(args, routerConfigFlags, comparisonShortNames);
  const flags = parseFlags(routerConfigFlags, split.flags, io.environment);
  const options = readQueryOptions(flags, io);
  const [file, ...more] = split.words;
  if (more.length > 0) {
    throw new UsageError("give one FILE at most");
  }
  const place = { namespace: options.namespace, name: flags.value("config") ?? "config" };
  const asked = readRequest(flags, place);
  const read = file === undefined ? undefined : await readConfigFile("router-config", file, io);
  if (file !== undefined && read === undefined) {
    return failedCode;
  }
  const request = read === undefined ? asked : { ...asked, config: read.config };
  const folder = flags.value("manifests");
  try {
    if (folder !== undefined) {
      return show(findingOf(request, await readManifests(folder)), options, io);
    }
    if (request.config !== undefined && request.listenRange !== undefined) {
      return show(findingOf(request, undefined), options, io);
    }
    const ask = async ({ api }: ClusterAccess) => findingOf(request, await readCluster(api, place));
    return await runQuery({ name: "router-config", options, io, ask });
  } catch (error) {
    if (!(error instanceof ManifestError || error instanceof RouterSideError)) {
      throw error;
    }
    io.writeError(`routelb router-config: ${error.message}\n`);
    return failedCode;
  }
}

/** @throws UsageError */
function readRequest(flags: ParsedFlags, place: ConfigPlace): Request {
  const dialect = dialects.find((each) => each === flags.value("dialect"));
  if (dialect === undefined) {
    throw new UsageError(`give --dialect: ${dialects.join(", ")}`);
  }
  const listenRange = parsePrefix(flags.value("listen-range") ?? "");
  const peer = flags.value("peer");
  const routerAsn = flags.value("router-asn");
  return {
    dialect,
    vyosVersion: vyosVersions.find((each) => each === flags.value("vyos")) ?? "1.4",
    ...(listenRange === undefined ? {} : { listenRange }),
    ...(peer === undefined ? {} : { peer }),
    ...(routerAsn === undefined ? {} : { routerAsn: Number(routerAsn) }),
    place,
  };
}

/** @throws RouterSideError, and ManifestError if the configuration in force cannot be read */
function findingOf(request: Request, facts: ClusterFacts | undefined): Finding {
  const { place, listenRange, peer, routerAsn } = request;
  const config = request.config ?? (facts === undefined ? undefined : configInForce(facts, place));
  if (config === undefined) {
    throw new ManifestError("the configuration in force has errors");
  }
  const inputs: RouterSideInputs = {
    config,
    nodes: facts?.nodes,
    namespace: place.namespace,
    ...(listenRange === undefined ? {} : { listenRange }),
    ...(peer === undefined ? {} : { peer }),
    ...(routerAsn === undefined ? {} : { routerAsn }),
  };
  const texts = routerSides(inputs).map((side) => formatSide(side, request));
  return { value: { routers: texts }, text: () => texts.join("\n"), exitCode: 0 };
}

function formatSide(side: RouterSide, { dialect, vyosVersion }: Request): string {
  switch (dialect) {
    case "frr":
      return formatFrr(side);
    case "bird":
      return formatBird(side);
    case "vyos":
      return formatVyos(side, vyosVersion);
  }
}

function mustBeAsn(value: string): string | undefined {
  const asn = /^\d{1,10}$/.test(value) ? Number(value) : 0;
  return asn >= 1 && asn <= 0xffff_ffff ? undefined : "is not an AS number, 1 to 4294967295";
}
