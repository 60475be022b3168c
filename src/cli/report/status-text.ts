import { list } from "./explanation-text.ts";
import type { SpeakerLine, StatusReport } from "./status-report.ts";
import { type Cell, formatAge, formatTable, paint, type Style } from "./table.ts";

export interface StatusStyle extends Style {
  readonly isWide: boolean;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/** So many Services without an address are named. */
const namedServices = 20;

/** What `routelb status` prints. */
export function formatStatus(report: StatusReport, style: StatusStyle): string {
  const sections = [
    formatSessions(report, style),
    formatSpeakers(report.speakers, style),
    formatPools(report, style),
    formatServices(report, style),
    list("Configuration:", report.configuration, "warning", style),
    list("This is not the whole picture:", report.gaps, "warning", style),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

function formatSessions({ sessions, notDialled }: StatusReport, style: StatusStyle): string {
  const all = sessions.length + notDialled.length;
  const up = sessions.filter(({ state }) => state === "Established").length;
  const tone = up === all ? "good" : up === 0 ? "bad" : "warning";
  const head = `BGP sessions: ${paint({ text: `${up} of ${all} up`, tone }, style)}`;
  if (all === 0) {
    return head;
  }
  const wide = style.isWide ? ["ROUTER", "ASN", "LOCAL ADDRESS"] : [];
  const headings = ["NODE", "PEER", ...wide, "STATE", "FOR", "SENT", "BFD", "LAST ERROR"];
  const rows = sessions.map((session): readonly Cell[] => {
    const { state, pending, withheld, lastError = "" } = session;
    const isUp = state === "Established";
    const sent = [
      String(session.advertised),
      ...(pending === 0 ? [] : [`${pending} to come`]),
      ...(withheld.length === 0 ? [] : [`${withheld.length} withheld`]),
    ];
    const { peerAddress, peerAsn, localAddress = "" } = session;
    return [
      { text: session.node },
      { text: session.name },
      ...(style.isWide ? [peerAddress, peerAsn, localAddress].map((text) => ({ text })) : []),
      { text: state, tone: isUp ? "good" : "bad" },
      { text: ageOf(session, style) },
      { text: sent.join(", ") },
      bfdCell(session),
      { text: isUp && !style.isWide ? "" : lastError },
    ];
  });
  const missing = notDialled.map(({ node, entryName, text }): readonly Cell[] => [
    { text: node },
    { text: entryName },
    ...wide.map(() => ({ text: "" })),
    { text: "not dialled", tone: "bad" },
    { text: "" },
    { text: "" },
    { text: "" },
    { text },
  ]);
  const caveats = new Set(sessions.flatMap(({ caveat }) => caveat ?? []));
  const told = style.isWide ? [...caveats].map((caveat) => `\n${caveat}`) : [];
  return `${head}\n${formatTable(headings, [...rows, ...missing], style)}${told.join("")}`;
}

function ageOf({ since }: { readonly since?: string }, { nowMs }: StatusStyle): string {
  const sinceMs = Date.parse(since ?? "");
  return Number.isNaN(sinceMs) ? "" : formatAge(nowMs - sinceMs);
}

function bfdCell({
  bfdState = "",
  bfdFailure,
}: {
  readonly bfdState?: string;
  readonly bfdFailure?: string;
}): Cell {
  if (bfdFailure !== undefined) {
    return { text: bfdFailure, tone: "bad" };
  }
  return { text: bfdState, tone: bfdState === "Up" ? "good" : "warning" };
}

/** Those about which there is something to say; all of them, if wide. */
function formatSpeakers(speakers: readonly SpeakerLine[], style: StatusStyle): string {
  const rows = speakers.flatMap(({ node, pod, version, ...speaker }) => {
    const { waitingFor, drainCause, isDataplaneUnhealthy } = speaker;
    const remarks = [
      ...(drainCause === undefined ? [] : [`drains (${drainCause})`]),
      ...(isDataplaneUnhealthy ? ["kube-proxy says that it does not deliver"] : []),
      ...(waitingFor.length === 0 ? [] : [`waits: ${waitingFor.join("; ")}`]),
    ];
    const cells: readonly Cell[] = [
      { text: node },
      { text: pod },
      { text: version },
      { text: remarks.join("; "), tone: "warning" },
    ];
    return remarks.length > 0 || style.isWide ? [cells] : [];
  });
  return rows.length === 0
    ? ""
    : `Speakers: ${speakers.length}\n${formatTable(["NODE", "POD", "VERSION", "REMARKS"], rows, style)}`;
}

function formatPools({ allocation }: StatusReport, style: StatusStyle): string {
  if (allocation === undefined) {
    return "";
  }
  const rows = allocation.pools.map(({ pool, family, used, free, total }): readonly Cell[] => [
    { text: pool },
    { text: family },
    { text: String(used) },
    { text: String(free), tone: free === 0 ? "bad" : "plain" },
    { text: String(total) },
  ]);
  return rows.length === 0
    ? "Pools: none"
    : `Pools\n${formatTable(["POOL", "FAMILY", "USED", "FREE", "TOTAL"], rows, style)}`;
}

function formatServices({ allocation }: StatusReport, style: StatusStyle): string {
  if (allocation === undefined) {
    return "";
  }
  const { servicesWithAddress, servicesWithoutAddress: without } = allocation;
  const head = `Services: ${servicesWithAddress} with an address, `;
  const tone = without.length === 0 ? "good" : "bad";
  const count = paint({ text: `${without.length} without`, tone }, style);
  if (without.length === 0) {
    return head + count;
  }
  const shown = style.isWide ? without : without.slice(0, namedServices);
  const rows = shown.map(({ service, reason, message }) =>
    [service, reason, message].map((text) => ({ text })),
  );
  const more = without.length - shown.length;
  return [
    head + count,
    formatTable(["SERVICE", "REASON", "WHY"], rows, style),
    ...(more === 0 ? [] : [`and ${more} more; -o wide shows all`]),
  ].join("\n");
}
