import { communityValue, type References } from "./advertisement.ts";
import { internalPeers } from "./beside-metallb.ts";
import { readBfdProfiles } from "./bfd-profile.ts";
import { type Fields, listOf, type Reader, readFields } from "./fields.ts";
import type { Report } from "./finding.ts";
import type { Community, Config, ConfigFinding, ParsedConfig } from "./model.ts";
import { peerReader } from "./peer.ts";
import { type NamedPeers, namePeers, type PlacedPeer } from "./peer-names.ts";
import { poolReader } from "./pool.ts";
import { checkPools } from "./pool-conflict.ts";
import { keys } from "./schema.ts";
import { readYaml, type Tree, type TreeDocument } from "./yaml-tree.ts";

export interface ParseOptions {
  /**
   * What a `layer2` pool is: an error for whoever checks a file; for a daemon a warning, and the
   * pool is listed in `layer2Pools` instead of `pools`. Default: `leave-out`.
   */
  readonly layer2?: "error" | "leave-out";
  /** MetalLB's speakers advertise the same to the same peers: warns of what would differ. */
  readonly isBesideMetallb?: boolean;
}

/**
 * Parses the text of the ConfigMap's key `config`.
 *
 * Finds everything that is wrong, not only the first; findings are in the order of the text. Never
 * throws, whatever the text, and never shows a password. An empty text is a configuration without
 * pools or peers, as in MetalLB, with a warning.
 */
export function parseConfig(text: string, options: ParseOptions = {}): ParsedConfig {
  const findings: ConfigFinding[] = [];
  const report: Report = (place, message, severity = "error") => {
    findings.push({ severity, ...place.at, path: place.path, message });
  };
  const documents = readYaml(text, report);
  const config = documents === undefined ? emptyConfig : readConfig(documents, options, report);
  findings.sort((a, b) => a.line - b.line || a.column - b.column);
  return findings.some((finding) => finding.severity === "error")
    ? { ok: false, findings }
    : { ok: true, config, findings };
}

/** `config:3:13: peers[0].peer-asn: message`; a warning says so before the path. */
export function formatFinding(finding: ConfigFinding, file = "config"): string {
  const { severity, line, column, path, message } = finding;
  const mark = severity === "warning" ? "warning: " : "";
  return `${file}:${line}:${column}: ${mark}${path === "" ? "" : `${path}: `}${message}`;
}

const emptyConfig = { peers: [], pools: [], layer2Pools: [] } as const satisfies Config;

function readConfig(
  documents: readonly TreeDocument[],
  options: ParseOptions,
  report: Report,
): Config {
  const [first, ...others] = documents;
  for (const { root, at } of others) {
    if (root !== undefined) {
      report({ at, path: "" }, "a second YAML document: put everything into one, without `---`");
    }
  }
  if (first?.root === undefined) {
    const at = first?.at ?? { line: 1, column: 1 };
    report({ at, path: "" }, "is empty: there are no peers and no address-pools", "warning");
    return emptyConfig;
  }
  const fields = readFields(first.root, keys.file, report);
  return fields === undefined ? emptyConfig : readFile(fields, options, report);
}

function readFile(
  fields: Fields<(typeof keys.file)[number]>,
  { layer2 = "leave-out", isBesideMetallb = false }: ParseOptions,
  report: Report,
): Config {
  const profiles = readBfdProfiles(fields.withDefault("bfd-profiles", members, []) ?? [], report);
  const entries = fields.withDefault("peers", members, []);
  const { named, areAllRead } = readPeers(entries ?? [], peerReader(profiles), report);
  const references: References = {
    communities: fields.withDefault("bgp-communities", communityAliases, new Map()) ?? new Map(),
    peers:
      entries === undefined || !areAllRead
        ? "unknown"
        : new Set(named.peers.map((peer) => peer.name)),
    ambiguousPeers: named.ambiguous,
    unevenPeers: isBesideMetallb ? internalPeers(named.peers) : new Set(),
  };
  const pools =
    fields.withDefault("address-pools", listOf(poolReader(references, layer2)), []) ?? [];
  checkPools(pools, report);
  return {
    peers: named.peers,
    pools: pools.flatMap(({ pool }) => (pool?.protocol === "bgp" ? [pool.config] : [])),
    layer2Pools: pools.flatMap(({ pool }) => (pool?.protocol === "layer2" ? [pool.config] : [])),
  };
}

function readPeers(
  entries: readonly Tree[],
  read: ReturnType<typeof peerReader>,
  report: Report,
): { readonly named: NamedPeers; readonly areAllRead: boolean } {
  const drafts: PlacedPeer[] = [];
  for (const entry of entries) {
    const draft = read(entry, report);
    if (draft !== undefined) {
      drafts.push({ place: entry, draft });
    }
  }
  return { named: namePeers(drafts, report), areAllRead: drafts.length === entries.length };
}

const members = listOf<Tree>((tree) => tree);

const communityAliases: Reader<Map<string, Community | undefined>> = (tree, report) => {
  if (tree.type !== "mapping") {
    report(tree, "is not a mapping of names to communities, as in {no-transit: 64512:1}");
    return undefined;
  }
  return new Map(tree.entries.map(({ key, value }) => [key, communityValue(value, report)]));
};
