import { isIP } from "node:net";
import { type FieldError, forbiddenField, required } from "../api-error.ts";
import {
  at,
  isObject,
  type Json,
  type JsonObject,
  listAt,
  numberAt,
  objectAt,
  sameJson,
  textAt,
  withAt,
} from "../json.ts";
import type { Strategy } from "./strategy.ts";

const defaultGracePeriodSeconds = 30;
/** How long a Pod stays bound to a node that is not there, as the real admission says it. */
const evictionDelaySeconds = 300;

export const podStrategy: Strategy = {
  complete: (next, current) => {
    const spec = defaultPodSpec(objectAt(next, "spec"));
    const status =
      current === undefined ? { phase: "Pending", qosClass: "BestEffort" } : next["status"];
    const tolerations = withDefaultTolerations(listAt(spec, "tolerations"));
    return { ...next, spec: { ...spec, tolerations }, status };
  },
  validate: (next, current) => [
    ...podSpecErrors(objectAt(next, "spec"), "spec"),
    ...(current === undefined ? [] : immutableErrors(next, current)),
  ],
  validateStatus: (next) => podAddressErrors(objectAt(next, "status")),
  gracePeriodSeconds: (pod) => {
    const phase = textAt(pod, "status", "phase");
    const isOver = phase === "Succeeded" || phase === "Failed";
    return textAt(pod, "spec", "nodeName") === undefined || isOver
      ? 0
      : (numberAt(pod, "spec", "terminationGracePeriodSeconds") ?? defaultGracePeriodSeconds);
  },
};

function withDefaultTolerations(given: readonly Json[]): readonly Json[] {
  const tolerations = [...given];
  for (const state of ["not-ready", "unreachable"]) {
    const key = `node.kubernetes.io/${state}`;
    const isTold = tolerations.some(
      (toleration) => at(toleration, "key") === undefined || at(toleration, "key") === key,
    );
    if (!isTold) {
      tolerations.push({
        key,
        operator: "Exists",
        effect: "NoExecute",
        tolerationSeconds: evictionDelaySeconds,
      });
    }
  }
  return tolerations;
}

/** Fills in a Pod's spec, or that of a template. */
export function defaultPodSpec(given: JsonObject): JsonObject {
  const account = textAt(given, "serviceAccountName") ?? "default";
  const isHostNetwork = given["hostNetwork"] === true;
  return {
    ...given,
    containers: listAt(given, "containers").map((container) =>
      defaultContainer(container, isHostNetwork),
    ),
    restartPolicy: given["restartPolicy"] ?? "Always",
    terminationGracePeriodSeconds:
      given["terminationGracePeriodSeconds"] ?? defaultGracePeriodSeconds,
    dnsPolicy: given["dnsPolicy"] ?? "ClusterFirst",
    serviceAccountName: account,
    serviceAccount: account,
    securityContext: given["securityContext"] ?? {},
    schedulerName: given["schedulerName"] ?? "default-scheduler",
    enableServiceLinks: given["enableServiceLinks"] ?? true,
  };
}

function defaultContainer(container: Json, isHostNetwork: boolean): Json {
  if (!isObject(container)) {
    return container;
  }
  const image = textAt(container, "image") ?? "";
  const isLatest = image.endsWith(":latest") || !/:[^/]*$/.test(image);
  const ports = listAt(container, "ports").map((port) =>
    isObject(port)
      ? {
          ...port,
          protocol: port["protocol"] ?? "TCP",
          hostPort: isHostNetwork ? (port["hostPort"] ?? port["containerPort"]) : port["hostPort"],
        }
      : port,
  );
  return {
    ...container,
    ports: ports.length > 0 ? ports : undefined,
    imagePullPolicy: container["imagePullPolicy"] ?? (isLatest ? "Always" : "IfNotPresent"),
    resources: container["resources"] ?? {},
    terminationMessagePath: container["terminationMessagePath"] ?? "/dev/termination-log",
    terminationMessagePolicy: container["terminationMessagePolicy"] ?? "File",
  };
}

export function podSpecErrors(spec: JsonObject, field: string): readonly FieldError[] {
  const containers = listAt(spec, "containers");
  const errors = containers.length === 0 ? [required(`${field}.containers`)] : [];
  for (const [index, container] of containers.entries()) {
    for (const key of ["name", "image"]) {
      if ((textAt(container, key) ?? "") === "") {
        errors.push(required(`${field}.containers[${index}].${key}`));
      }
    }
  }
  return errors;
}

function podAddressErrors(status: JsonObject): readonly FieldError[] {
  const addresses = listAt(status, "podIPs").map((entry) => ({ IP: textAt(entry, "ip") ?? "" }));
  const families = addresses.map(({ IP }) => isIP(IP));
  if (new Set(families).size === families.length) return [];
  return [
    {
      field: "status.podIPs",
      reason: "FieldValueInvalid",
      message: `Invalid value: ${JSON.stringify(addresses)}: may specify no more than one IP for each IP family`,
    },
  ];
}

/** What of a Pod's spec may change: images, tolerations, the deadline and the grace period. */
function immutableErrors(next: JsonObject, current: JsonObject): readonly FieldError[] {
  const fixed = (pod: JsonObject): JsonObject => {
    const bare = listAt(pod, "spec", "containers").map((container) =>
      isObject(container) ? withAt(container, ["image"], undefined) : container,
    );
    const {
      tolerations: _tolerations,
      activeDeadlineSeconds: _deadline,
      terminationGracePeriodSeconds: _grace,
      initContainers: _init,
      ...spec
    } = objectAt(pod, "spec");
    return { ...spec, containers: bare };
  };
  return sameJson(fixed(next), fixed(current))
    ? []
    : [
        forbiddenField(
          "spec",
          "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        ),
      ];
}
