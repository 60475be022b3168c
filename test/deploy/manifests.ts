import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { type Json, type JsonObject, listAt, textAt, textsAt } from "../../lab/kube/json.ts";

export const deployFolder = fileURLToPath(new URL("../../deploy", import.meta.url));

/** The objects of a file of manifests, or of what kubectl printed. */
export function readManifests(text: string): readonly JsonObject[] {
  return parseAllDocuments(text).map((document): JsonObject => document.toJS());
}

/** What `kubectl apply -f deploy/routelb.yaml` makes. */
export function shippedManifests(): readonly JsonObject[] {
  return readManifests(readFileSync(`${deployFolder}/routelb.yaml`, "utf8"));
}

/** The objects of `kind`. */
export function ofKind(objects: readonly JsonObject[], kind: string): readonly JsonObject[] {
  return objects.filter((object) => object["kind"] === kind);
}

/** One thing that a Role allows: a verb on a resource, or on one object of it. */
export interface Grant {
  readonly role: "ClusterRole" | "Role";
  /** Of the Role; absent for a ClusterRole. */
  readonly namespace?: string;
  readonly account: string;
  readonly apiGroup: string;
  /** `services/status`. */
  readonly resource: string;
  readonly name?: string;
  readonly verb: string;
}

/** Everything that our accounts are allowed, one by one, in the order of the manifests. */
export function shippedGrants(): readonly Grant[] {
  const objects = shippedManifests();
  return ["ClusterRole", "Role"].flatMap((kind) =>
    ofKind(objects, kind).flatMap((role) => {
      const account = accountOf(objects, role);
      const namespace = textAt(role, "metadata", "namespace");
      return listAt(role, "rules").flatMap((rule) => grantsOf(rule, { kind, account, namespace }));
    }),
  );
}

/** `list configmaps/config in default`: how a grant is named in tests and documents. */
export function formatGrant({ apiGroup, resource, name, verb, namespace }: Grant): string {
  const group = apiGroup === "" ? "" : `.${apiGroup}`;
  const object = name === undefined ? "" : ` "${name}"`;
  const where = namespace === "default" ? " in default" : "";
  return `${verb} ${resource}${group}${object}${where}`;
}

function grantsOf(
  rule: Json,
  of: { readonly kind: string; readonly account: string; readonly namespace: string | undefined },
): readonly Grant[] {
  const names = textsAt(rule, "resourceNames");
  const grants: Grant[] = [];
  for (const apiGroup of textsAt(rule, "apiGroups")) {
    for (const resource of textsAt(rule, "resources")) {
      for (const name of names.length === 0 ? [undefined] : names) {
        for (const verb of textsAt(rule, "verbs")) {
          grants.push({
            role: of.kind === "Role" ? "Role" : "ClusterRole",
            ...(of.namespace !== undefined && { namespace: of.namespace }),
            account: of.account,
            apiGroup,
            resource,
            ...(name !== undefined && { name }),
            verb,
          });
        }
      }
    }
  }
  return grants;
}

/** Whom the one binding of a Role names. */
function accountOf(objects: readonly JsonObject[], role: JsonObject): string {
  const binding = ofKind(objects, `${textAt(role, "kind")}Binding`).find(
    (one) =>
      textAt(one, "roleRef", "name") === textAt(role, "metadata", "name") &&
      textAt(one, "metadata", "namespace") === textAt(role, "metadata", "namespace"),
  );
  return textAt(listAt(binding, "subjects")[0], "name") ?? "";
}
