import { type JsonObject, numberAt, objectAt, textAt, withAt } from "./json.ts";
import { selectorText } from "./table/column.ts";

/** The `scale` subresource of a Deployment or ReplicaSet (autoscaling/v1). */
export function scaleOf(workload: JsonObject): JsonObject {
  const metadata = objectAt(workload, "metadata");
  const selector = objectAt(workload, "spec", "selector");
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      name: metadata["name"],
      namespace: metadata["namespace"],
      uid: metadata["uid"],
      resourceVersion: metadata["resourceVersion"],
      creationTimestamp: metadata["creationTimestamp"],
    },
    spec: { replicas: numberAt(workload, "spec", "replicas") ?? 0 },
    status: {
      replicas: numberAt(workload, "status", "replicas") ?? 0,
      selector: selectorText(selector),
    },
  };
}

/** The workload with the replicas and the resourceVersion of a Scale that a client sent. */
export function scaled(workload: JsonObject, scale: JsonObject): JsonObject {
  const replicas = numberAt(scale, "spec", "replicas") ?? 0;
  const version = textAt(scale, "metadata", "resourceVersion");
  return withAt(
    withAt(workload, ["spec", "replicas"], replicas),
    ["metadata", "resourceVersion"],
    version,
  );
}
