import type { Grant } from "./manifests.ts";
import { formatGrant } from "./manifests.ts";

/** What has to happen before a missing rule shows. */
export type Occasion =
  | "start"
  /** The user's configuration changes. */
  | "edit"
  /** The process is replaced by another, to which the same is worth an Event. */
  | "again"
  /** The Node is annotated to drain. */
  | "drain"
  /** SIGTERM. */
  | "end"
  /** The API server restarts, and what was deleted meanwhile is missing in its list. */
  | "missing";

/** How a process of ours tells that it lacks a rule. */
export interface Sign {
  readonly after: Occasion;
  /** The message of the line in its log; the same line names verb and resource as the server did. */
  readonly message: string;
  /** `resource` of the metric `routelb_k8s_client_failures_total` that counts it as well. */
  readonly notFollowed?: string;
}

const notFollowed = (resource: string, after: Occasion = "start"): Sign => ({
  after,
  message: "the API server cannot be followed; what was known stays in force",
  notFollowed: resource,
});
const noEvent = (after: Occasion): Sign => ({ after, message: "Event not written" });
const noLease: Sign = { after: "start", message: "the Lease may not be used" };
const noConfig = (after: Occasion): Sign => ({
  after,
  message: "the accepted configuration cannot be written; it is tried again",
});
const leaves: Sign = { after: "end", message: "the speaker leaves" };

const controllerSigns: Readonly<Record<string, Sign>> = {
  "get services": { after: "missing", message: "it cannot be asked whether a Service is gone" },
  "list services": notFollowed("services"),
  "watch services": notFollowed("services"),
  "patch services/status": { after: "start", message: "status not written; it is tried again" },
  "list namespaces": notFollowed("namespaces"),
  "watch namespaces": notFollowed("namespaces"),
  "create events": noEvent("start"),
  "patch events": noEvent("again"),
  'list configmaps "config"': notFollowed("configmaps/config"),
  'watch configmaps "config"': notFollowed("configmaps/config"),
  'list configmaps "config-in-force"': notFollowed("configmaps/config-in-force"),
  'watch configmaps "config-in-force"': notFollowed("configmaps/config-in-force"),
  'patch configmaps "config-in-force"': noConfig("edit"),
  "create configmaps": noConfig("start"),
  'get leases.coordination.k8s.io "routelb-controller"': noLease,
  'update leases.coordination.k8s.io "routelb-controller"': noLease,
  "create leases.coordination.k8s.io": noLease,
};

const speakerSigns: Readonly<Record<string, Sign>> = {
  "list services": notFollowed("services"),
  "watch services": notFollowed("services"),
  "get nodes": leaves,
  "list nodes": notFollowed("nodes"),
  "watch nodes": notFollowed("nodes"),
  "list endpointslices.discovery.k8s.io": notFollowed("endpointslices"),
  "watch endpointslices.discovery.k8s.io": notFollowed("endpointslices"),
  'list configmaps "config"': notFollowed("configmaps/config"),
  'watch configmaps "config"': notFollowed("configmaps/config"),
  'list configmaps "config-in-force"': notFollowed("configmaps/config-in-force"),
  'watch configmaps "config-in-force"': notFollowed("configmaps/config-in-force"),
  'list secrets "routelb-peers"': notFollowed("secrets/routelb-peers"),
  'watch secrets "routelb-peers"': notFollowed("secrets/routelb-peers"),
  "get pods": leaves,
  "list pods": notFollowed("speaker pods", "drain"),
  "watch pods": notFollowed("speaker pods", "drain"),
  "get daemonsets.apps": leaves,
  "create events in default": noEvent("drain"),
  "patch events in default": noEvent("again"),
};

/** For each rule of each account, named as formatGrant does, how its absence shows. */
export const signs = { controller: controllerSigns, speaker: speakerSigns } as const;

/** @throws Error for a rule of which nobody says what it is for */
export function signOf(grant: Grant): Sign {
  const table = grant.account === "controller" ? signs.controller : signs.speaker;
  const sign = table[formatGrant(grant)];
  if (sign === undefined) {
    throw new Error(`nothing is known to fail without: ${grant.account}: ${formatGrant(grant)}`);
  }
  return sign;
}
