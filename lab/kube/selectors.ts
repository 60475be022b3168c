import { badRequest } from "./api-error.ts";
import { at, type JsonObject, scalarText, textMapAt } from "./json.ts";

export type Predicate = (object: JsonObject) => boolean;

const everything: Predicate = () => true;

/**
 * Parses the query parameter `labelSelector`: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
 *
 * @throws ApiError 400 if it cannot be read
 */
export function parseLabelSelector(text: string): Predicate {
  const requirements = splitOutsideParentheses(text).map(parseLabelRequirement);
  return requirements.length === 0
    ? everything
    : (object) => {
        const labels = textMapAt(object, "metadata", "labels");
        return requirements.every((requirement) => requirement(labels));
      };
}

type LabelRequirement = (labels: Readonly<Record<string, string>>) => boolean;

function parseLabelRequirement(text: string): LabelRequirement {
  const set = /^([^\s!=()]+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (set !== null) {
    const [, key = "", operator, list = ""] = set;
    const values = list.split(",").map((value) => value.trim());
    return (labels) => {
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
      const isIn = value !== undefined && values.includes(value);
      return operator === "in" ? isIn : !isIn;
    };
  }
  const equality = /^([^\s!=()]+)\s*(==|=|!=)\s*([^\s!=()]*)$/.exec(text);
  if (equality !== null) {
    const [, key = "", operator, value = ""] = equality;
    return (labels) => {
      const isEqual = Object.hasOwn(labels, key) && labels[key] === value;
      return operator === "!=" ? !isEqual : isEqual;
    };
  }
  const existence = /^(!?)\s*([^\s!=()]+)$/.exec(text);
  if (existence === null) {
    throw badRequest(`unable to parse requirement: found '${text}'`);
  }
  const [, not, key = ""] = existence;
  return (labels) => Object.hasOwn(labels, key) === (not === "");
}

function splitOutsideParentheses(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** Fields that can be selected of every resource, and of some. */
const selectableFields: Readonly<Record<string, readonly string[]>> = {
  configmaps: [],
  pods: [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
  ],
  nodes: ["spec.unschedulable"],
  namespaces: ["status.phase"],
  services: ["spec.clusterIP", "spec.type"],
  secrets: ["type"],
  replicasets: ["status.replicas"],
  events: [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
};

/**
 * Parses the query parameter `fieldSelector`: `metadata.name=a,status.phase!=Failed`.
 *
 * @throws ApiError 400 if it cannot be read, or names a field that cannot be selected
 */
export function parseFieldSelector(text: string, storage: string): Predicate {
  const requirements = text
    .split(",")
    .filter((part) => part !== "")
    .map((part) => parseFieldRequirement(part, storage));
  return requirements.length === 0
    ? everything
    : (object) => requirements.every((requirement) => requirement(object));
}

function parseFieldRequirement(text: string, storage: string): Predicate {
  const [, name, operator, value] = /^([^=!]+)(==|=|!=)(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw badRequest(`invalid selector: '${text}'; can't understand '${text}'`);
  }
  // events.k8s.io calls the object `regarding`; the objects are kept in the core form.
  const field = name.replace(/^regarding\./, "involvedObject.");
  const allowed = selectableFields[storage] ?? [];
  if (field !== "metadata.name" && field !== "metadata.namespace" && !allowed.includes(field)) {
    throw badRequest(`field label not supported: ${name}`);
  }
  const path = field === "source" ? ["source", "component"] : field.split(".");
  return (object) => {
    const isEqual = (scalarText(at(object, ...path)) ?? emptyOf(field)) === value;
    return operator === "!=" ? !isEqual : isEqual;
  };
}

/** What an absent field is compared as. */
function emptyOf(field: string): string {
  return field === "spec.unschedulable" || field === "spec.hostNetwork" ? "false" : "";
}
