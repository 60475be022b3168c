import { formatStranded } from "../../controller/stranded.ts";
import type { PlannedChange, RouteChange, ServiceChange, SessionChange } from "./plan-change.ts";

/** So many prefixes are named in a line. */
const namedLimit = 6;

/** `mayRenumber`: the annotation that lets a configuration take addresses away is set. */
export function formatPlan(change: PlannedChange, mayRenumber: boolean): string {
  const { stranded, services, routes, sessions } = change;
  if (isEmptyChange(change)) {
    return "Nothing changes: no Service, no route, no session.\n";
  }
  const sections = [
    ...(stranded.length === 0 || mayRenumber ? [] : [["REFUSED", formatStranded(stranded)]]),
    section("Services", services.map(formatService)),
    section("Sessions", sessions.map(formatSession)),
    section("Routes", routes.map(formatRoutes)),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n  "))
    .join("\n\n")}\n`;
}

export function isEmptyChange({ stranded, services, routes, sessions }: PlannedChange): boolean {
  return stranded.length + services.length + routes.length + sessions.length === 0;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${title} (${lines.length})`, ...lines];
}

function formatService({ service, change, before, after, reason }: ServiceChange): string {
  switch (change) {
    case "renumbered":
      return `${service}: ${before.join(", ")} -> ${after.join(", ")}`;
    case "gains":
      return `${service}: gets ${after.join(", ")}`;
    case "loses":
      return `${service}: loses ${before.join(", ")}${reason === undefined ? "" : `: ${reason}`}`;
  }
}

function formatSession({ peer, change, nodes }: SessionChange): string {
  const what = { added: "added", removed: "removed", reset: "reset (its values change)" };
  return `${peer}: ${what[change]} on ${named(nodes)}`;
}

function formatRoutes({ node, peer, added, withdrawn, changed }: RouteChange): string {
  const parts = [
    ["+", added],
    ["-", withdrawn],
    ["~", changed],
  ] as const;
  const shown = parts.filter(([, prefixes]) => prefixes.length > 0);
  return `${node} to ${peer}: ${shown.map(([sign, keys]) => `${sign} ${named(keys)}`).join("; ")}`;
}

function named(names: readonly string[]): string {
  const more = names.length > namedLimit ? ` and ${names.length - namedLimit} more` : "";
  return `${names.slice(0, namedLimit).join(", ")}${more}`;
}
