import { type FieldError, invalidValue, required } from "../api-error.ts";
import { at, type JsonObject, numberAt, objectAt, sameJson, textMapAt } from "../json.ts";
import { defaultPodSpec, podSpecErrors } from "./pod.ts";
import type { Strategy } from "./strategy.ts";

export const deploymentStrategy: Strategy = {
  complete: (next) => {
    const spec = objectAt(next, "spec");
    const strategy = objectAt(spec, "strategy");
    const type = strategy["type"] ?? "RollingUpdate";
    const rolling = objectAt(strategy, "rollingUpdate");
    return withDefaults(next, {
      replicas: spec["replicas"] ?? 1,
      revisionHistoryLimit: spec["revisionHistoryLimit"] ?? 10,
      progressDeadlineSeconds: spec["progressDeadlineSeconds"] ?? 600,
      strategy:
        type === "RollingUpdate"
          ? {
              type,
              rollingUpdate: {
                maxUnavailable: rolling["maxUnavailable"] ?? "25%",
                maxSurge: rolling["maxSurge"] ?? "25%",
              },
            }
          : { type },
    });
  },
  validate: workloadErrors,
};

export const replicaSetStrategy: Strategy = {
  complete: (next) => withDefaults(next, { replicas: at(next, "spec", "replicas") ?? 1 }),
  validate: workloadErrors,
};

export const daemonSetStrategy: Strategy = {
  complete: (next) => {
    const spec = objectAt(next, "spec");
    const strategy = objectAt(spec, "updateStrategy");
    const type = strategy["type"] ?? "RollingUpdate";
    const rolling = objectAt(strategy, "rollingUpdate");
    return withDefaults(next, {
      revisionHistoryLimit: spec["revisionHistoryLimit"] ?? 10,
      updateStrategy:
        type === "RollingUpdate"
          ? {
              type,
              rollingUpdate: {
                maxUnavailable: rolling["maxUnavailable"] ?? 1,
                maxSurge: rolling["maxSurge"] ?? 0,
              },
            }
          : { type },
    });
  },
  validate: workloadErrors,
};

function withDefaults(next: JsonObject, defaults: JsonObject): JsonObject {
  const spec = objectAt(next, "spec");
  const template = objectAt(spec, "template");
  return {
    ...next,
    spec: {
      ...spec,
      ...defaults,
      template: {
        ...template,
        metadata: { creationTimestamp: null, ...objectAt(template, "metadata") },
        spec: defaultPodSpec(objectAt(template, "spec")),
      },
    },
    status: next["status"] ?? {},
  };
}

function workloadErrors(next: JsonObject, current: JsonObject | undefined): readonly FieldError[] {
  const errors: FieldError[] = [];
  const selector = textMapAt(next, "spec", "selector", "matchLabels");
  const labels = textMapAt(next, "spec", "template", "metadata", "labels");
  const replicas = numberAt(next, "spec", "replicas") ?? 0;
  if (replicas < 0 || !Number.isInteger(replicas)) {
    errors.push(invalidValue("spec.replicas", replicas, "must be greater than or equal to 0"));
  }
  if (at(next, "spec", "selector") === undefined) {
    errors.push(required("spec.selector"));
  } else if (Object.entries(selector).some(([key, value]) => labels[key] !== value)) {
    errors.push(
      invalidValue(
        "spec.template.metadata.labels",
        labels,
        "`selector` does not match template `labels`",
      ),
    );
  }
  if (
    current !== undefined &&
    !sameJson(at(next, "spec", "selector"), at(current, "spec", "selector"))
  ) {
    errors.push(invalidValue("spec.selector", at(next, "spec", "selector"), "field is immutable"));
  }
  errors.push(...podSpecErrors(objectAt(next, "spec", "template", "spec"), "spec.template.spec"));
  return errors;
}
