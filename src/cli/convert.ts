import { formatYaml } from "../config/yaml-text.ts";
import { draftOf } from "./convert/draft.ts";
import { formatRemark, type Remark, type Remarks } from "./convert/loss.ts";
import {
  type MetallbObject,
  readMetallbObjects,
  UnreadableManifest,
} from "./convert/metallb-object.ts";
import { settle } from "./convert/settle.ts";
import { type FlagSpec, formatFlags, parseFlags, UsageError } from "./flags.ts";
import { type CommandIo, readText } from "./io.ts";
import { splitArguments } from "./query-flags.ts";

const convertFlags: readonly FlagSpec[] = [
  {
    name: "namespace",
    placeholder: "NAME",
    help: "of the ConfigMap: where RouteLB runs; also -n",
    default: "routelb-system",
  },
  { name: "config", placeholder: "NAME", help: "of the ConfigMap", default: "config" },
];

export const convertUsage = `usage: routelb convert FILE... [FLAGS]

Makes a ConfigMap of MetalLB's custom resources (0.13 and later): IPAddressPool, BGPPeer,
BGPAdvertisement, Community, BFDProfile, and AddressPool. FILE is a manifest in YAML or JSON, also what
kubectl get -o yaml prints; - is the standard input. Other objects in it are skipped. Give all files in
one command: pools and advertisements refer to each other.

The ConfigMap goes to the standard output and passes routelb lint. What could not be expressed goes
to the standard error, one line each: FILE:LINE:COLUMN: OBJECT: FIELD: why, and what to do instead;
notes say what else needs a hand, as a Secret that is to be copied. A password that stands in an
object stands in the ConfigMap, too, and nowhere else.

Exit code: 1 if something could not be expressed, 0 if there are only notes or none, 2 if it could
not run.

flags:
${formatFlags(convertFlags)}
  --help               print this`;

const failedCode = 2;

/**
 * Runs `routelb convert ARGS`.
 *
 * @returns the exit code
 * @throws UsageError if the arguments are not understood
 */
export async function runConvert(args: readonly string[], io: CommandIo): Promise<number> {
  const split = splitArguments(args, convertFlags, new Map([["-n", "--namespace"]]));
  const flags = parseFlags(convertFlags, split.flags, io.environment);
  if (split.words.length === 0) {
    throw new UsageError("give one FILE or more, or - for the standard input");
  }
  const objects = await readFiles(split.words, io);
  if (objects === undefined) {
    return failedCode;
  }
  const namespace = flags.value("namespace") ?? "";
  const { text, losses, notes } = convert(objects, namespace);
  const metadata = { name: flags.value("config"), namespace };
  io.write(formatYaml({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { config: text } }));
  for (const loss of losses) {
    io.writeError(`${formatRemark(loss)}\n`);
  }
  for (const note of notes) {
    io.writeError(`${formatRemark(note, "note: ")}\n`);
  }
  return losses.length === 0 ? 0 : 1;
}

/** MetalLB's objects as the text of our key `config`; a ConfigMap for `namespace` is to hold it. */
export function convert(
  objects: readonly MetallbObject[],
  namespace: string,
): Remarks & { readonly text: string } {
  const { draft, losses, notes } = draftOf(objects, namespace);
  const settled = settle(draft);
  return { text: settled.text, losses: inOrder([...losses, ...settled.losses]), notes };
}

/** By place; what is said of one place in two pools is said once. */
function inOrder(remarks: readonly Remark[]): readonly Remark[] {
  const distinct = new Map(remarks.map((remark) => [formatRemark(remark), remark]));
  return [...distinct.values()].sort(
    (a, b) => a.file.localeCompare(b.file) || a.at.line - b.at.line || a.at.column - b.at.column,
  );
}

async function readFiles(
  names: readonly string[],
  io: CommandIo,
): Promise<readonly MetallbObject[] | undefined> {
  const objects: MetallbObject[] = [];
  for (const name of names) {
    try {
      objects.push(...readMetallbObjects(name === "-" ? "stdin" : name, await readText(name, io)));
    } catch (error) {
      const why =
        error instanceof UnreadableManifest
          ? error.message
          : `cannot read ${name}: ${error instanceof Error ? error.message : String(error)}`;
      io.writeError(`routelb convert: ${why}\n`);
      return undefined;
    }
  }
  if (objects.length === 0) {
    io.writeError("routelb convert: there is no object of metallb.io in these files\n");
    return undefined;
  }
  return objects;
}
