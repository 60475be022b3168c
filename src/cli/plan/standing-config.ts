import type { LoadBalancerClass } from "../../cluster/service.ts";
import { readObjects } from "../../config/manifest-objects.ts";
import type { Config } from "../../config/model.ts";
import { parseConfig } from "../../config/parse.ts";
import { recordOf } from "../../kube/json.ts";
import { type FlagSpec, type ParsedFlags, UsageError } from "../flags.ts";
import { queryFlags, shortNames } from "../query-flags.ts";
import type { ClusterFacts, ConfigPlace } from "./cluster-facts.ts";

/** Flags of the commands that hold a new configuration against a cluster. */
export const comparisonFlags: readonly FlagSpec[] = [
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
];

export const comparisonShortNames: ReadonlyMap<string, string> = new Map([
  ...shortNames,
  ["-f", "--manifests"],
]);

const renumberingAnnotation = "routelb.io/allow-renumbering";

/** @throws UsageError */
export function readClass(flags: ParsedFlags): LoadBalancerClass {
  const name = flags.value("lb-class");
  if (name === undefined && flags.isOn("default-class")) {
    throw new UsageError("--default-class needs --lb-class");
  }
  return { ...(name === undefined ? {} : { name }), isDefault: flags.isOn("default-class") };
}

/**
 * What daemons act on that run in this cluster: the accepted configuration, else the user's.
 * Undefined if it has errors; nothing at all is a configuration without pools and peers.
 */
export function configInForce(facts: ClusterFacts, place: ConfigPlace): Config | undefined {
  const key = `${place.namespace}/${place.name}`;
  const inForce = facts.configMaps.get(`${key}-in-force`)?.data["config"];
  const parsed = parseConfig(inForce ?? facts.configMaps.get(key)?.data["config"] ?? "");
  return parsed.ok ? parsed.config : undefined;
}

/** Whether the ConfigMap in the cluster, or the one in the file, permits to take addresses away. */
export function mayRenumber(facts: ClusterFacts, place: ConfigPlace, fileText: string): boolean {
  const user = facts.configMaps.get(`${place.namespace}/${place.name}`);
  return (
    user?.annotations[renumberingAnnotation] === "true" ||
    readObjects(fileText)
      .map(({ metadata }) => recordOf(recordOf(metadata)["annotations"]))
      .some((annotations) => annotations[renumberingAnnotation] === "true")
  );
}
