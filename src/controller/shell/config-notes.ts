import type { InForceJudgement, InForceReason } from "../../config/in-force.ts";
import { formatFinding } from "../../config/parse.ts";
import type { EventNote } from "../../kube/event-note.ts";
import type { ConfigMap } from "../../kube/project.ts";
import { resources } from "../../kube/resource.ts";

/** So much of a list of findings fits into an Event's message. */
const eventTextLimit = 1_000;

/** Told in an Event; the findings of an invalid text have an Event of their own. */
const notAppliedReasons: ReadonlySet<InForceReason> = new Set([
  "text-refused",
  "config-key-absent",
  "in-force-unusable",
]);

/** Events on the user's ConfigMap. `writeFailure`: why what was accepted is not in force yet. */
export function configNotes(
  configMap: ConfigMap,
  { findings, reason, text }: InForceJudgement,
  writeFailure: string | undefined,
): readonly EventNote[] {
  const texts = (severity: "error" | "warning") =>
    shorten(
      findings
        .filter((finding) => finding.severity === severity)
        .map((each) => formatFinding(each)),
    );
  const [errors, warnings] = [texts("error"), texts("warning")];
  const notApplied = notAppliedReasons.has(reason) ? text : writeFailure;
  return [
    ...(errors === "" ? [] : [configMapNote(configMap, "InvalidConfig", errors)]),
    ...(warnings === "" ? [] : [configMapNote(configMap, "ConfigWarning", warnings)]),
    ...(notApplied === undefined ? [] : [configMapNote(configMap, "ConfigNotApplied", notApplied)]),
  ];
}

function configMapNote(
  configMap: ConfigMap,
  reason: "InvalidConfig" | "ConfigNotApplied" | "ConfigWarning",
  message: string,
): EventNote {
  const [namespace = "", name = ""] = configMap.key.split("/");
  const { apiVersion, kind } = resources.configMaps;
  return {
    subject: { apiVersion, kind, namespace, name, uid: configMap.uid },
    type: "Warning",
    reason,
    message,
  };
}

/** One line each, as many as fit, and how many do not. */
function shorten(lines: readonly string[]): string {
  const shown: string[] = [];
  let length = 0;
  for (const line of lines) {
    length += line.length + 1;
    if (length > eventTextLimit && shown.length > 0) {
      return `${shown.join("\n")}\n(and ${lines.length - shown.length} more)`;
    }
    shown.push(line);
  }
  return shown.join("\n");
}
