import { policyCaveat } from "../../bgp/session/status.ts";
import { gateNames } from "../../speaker/gates.ts";
import type { AddressExplanation, Explanation } from "./explanation.ts";
import type { Obstacle, Row } from "./row.ts";
import { type Cell, formatTable, paint, type Style, type Tone } from "./table.ts";

export interface ExplanationStyle extends Style {
  /** A column for each gate. */
  readonly isWide: boolean;
}

/** So many places are named beside a cure. */
const namedPlaces = 4;

const verdicts = {
  advertised: { text: "yes", tone: "good" },
  leaving: { text: "leaving", tone: "warning" },
  withheld: { text: "no", tone: "bad" },
  unknown: { text: "unknown", tone: "warning" },
} as const satisfies Record<Row["verdict"], Cell>;

const reachingVerdicts: ReadonlySet<Row["verdict"]> = new Set(["advertised", "leaving"]);

const marks = {
  passes: { text: "ok", tone: "good" },
  fails: { text: "FAILS", tone: "bad" },
  "not-reached": { text: "-", tone: "plain" },
  unknown: { text: "?", tone: "warning" },
} as const;

/** What `routelb explain` prints. */
export function formatExplanation(explanation: Explanation, style: ExplanationStyle): string {
  const { service, type, externalTrafficPolicy, addresses, obstacle, notGranted } = explanation;
  const sections = [
    `Service ${service}: type ${type}, externalTrafficPolicy ${externalTrafficPolicy}`,
    ...(obstacle === undefined ? [] : [formatObstacle(obstacle, style)]),
    ...addresses.map((each) => formatAddress(each, style)),
    ...(style.isWide && addresses.some(isAdvertised) ? [policyCaveat] : []),
    list("Asked for and not granted:", notGranted, "warning", style),
    formatCures(addresses),
    list("This is not the whole picture:", explanation.gaps, "warning", style),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

export function list(
  heading: string,
  sentences: readonly string[],
  tone: Tone,
  style: Style,
): string {
  return sentences.length === 0
    ? ""
    : [paint({ text: heading, tone }, style), ...sentences.map((line) => `  ${line}`)].join("\n");
}

function formatObstacle({ gate, reason, text, cure }: Obstacle, style: Style): string {
  const head = paint({ text: "No address:", tone: "bad" }, style);
  const lines = [`${head} ${text}`, `  gate ${gate}, reason ${reason}`];
  return [...lines, ...(cure === undefined ? [] : [`  ${cure}`])].join("\n");
}

function formatAddress(
  { address, pool, rows }: AddressExplanation,
  style: ExplanationStyle,
): string {
  const origin = pool === undefined ? "" : ` from pool ${pool}`;
  const nodes = new Set(rows.map(({ node }) => node));
  const reaching = new Set(
    rows.flatMap(({ node, verdict }) => (reachingVerdicts.has(verdict) ? [node] : [])),
  );
  const count = `${reaching.size} of ${nodes.size} node${nodes.size === 1 ? "" : "s"}`;
  const tone = reaching.size === 0 ? "bad" : "plain";
  const head = `${address}${origin}: ${paint({ text: `advertised by ${count}`, tone }, style)}`;
  if (rows.length === 0) {
    return head;
  }
  const gateHeadings = style.isWide ? gateNames.map((gate) => gate.toUpperCase()) : [];
  const table = formatTable(
    ["NODE", "PEER", "ADVERTISED", ...gateHeadings, "FAILS AT", "WHY"],
    rows.map((row) => cellsOf(row, style)),
    style,
  );
  return `${head}\n${table}`;
}

function cellsOf(row: Row, { isWide }: ExplanationStyle): readonly Cell[] {
  const { node, peer = "all", verdict, obstacle, note = "", gates } = row;
  return [
    { text: node },
    { text: peer },
    verdicts[verdict],
    ...(isWide ? gates.map(({ mark }) => marks[mark]) : []),
    { text: obstacle?.gate ?? "" },
    { text: obstacle?.text ?? note },
  ];
}

function isAdvertised({ rows }: AddressExplanation): boolean {
  return rows.some(({ verdict }) => reachingVerdicts.has(verdict));
}

/** What can be done, once for each reason, with the places that it is for. */
function formatCures(addresses: readonly AddressExplanation[]): string {
  const places = new Map<string, { readonly cure: string; readonly at: Set<string> }>();
  for (const { node, obstacle } of addresses.flatMap(({ rows }) => rows)) {
    if (obstacle?.cure !== undefined) {
      const { reason, cure } = obstacle;
      const known = places.get(reason) ?? { cure, at: new Set() };
      places.set(reason, known);
      known.at.add(node);
    }
  }
  if (places.size === 0) {
    return "";
  }
  const lines = [...places].map(
    ([reason, { cure, at }]) => `  ${reason} (${formatPlaces([...at])}): ${cure}`,
  );
  return ["What can be done:", ...lines].join("\n");
}

function formatPlaces(nodes: readonly string[]): string {
  const more = nodes.length - namedPlaces;
  const named = nodes.slice(0, namedPlaces).join(", ");
  return more > 0 ? `${named} and ${more} more` : named;
}
