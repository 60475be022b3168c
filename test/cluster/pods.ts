import { listAt, textAt } from "../../lab/kube/json.ts";
import { waitFor } from "../../lab/wait.ts";
import type { Cluster } from "./cluster.ts";

const collection = "/api/v1/namespaces/default/pods";

export interface PodOptions {
  readonly name: string;
  readonly node: string;
  readonly graceSeconds?: number;
  /** Its readiness probe never succeeds. */
  readonly isNeverReady?: boolean;
}

/** Makes a Pod that nothing replaces, with its name as label `app`, and waits until it runs. */
export async function makePod({ lab }: Cluster, options: PodOptions): Promise<void> {
  const { name, node, graceSeconds = 5, isNeverReady = false } = options;
  const port = isNeverReady ? 81 : 80;
  await lab.api.create(collection, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: graceSeconds,
      containers: [
        {
          name: "nginx",
          image: "nginx",
          ports: [{ containerPort: 80 }],
          readinessProbe: { httpGet: { path: "/", port }, periodSeconds: 1 },
        },
      ],
    },
  });
  const wanted = isNeverReady ? "False" : "True";
  await waitFor(
    async () => {
      const pod = await lab.api.get(`${collection}/${name}`);
      const ready = listAt(pod, "status", "conditions").find(
        (condition) => textAt(condition, "type") === "Ready",
      );
      const runs = textAt(pod, "status", "phase") === "Running";
      return (runs && textAt(ready, "status") === wanted) || undefined;
    },
    { what: `Pod ${name} runs`, timeoutMs: 30_000 },
  );
}

/** Asks for its end, which takes its grace period. */
export async function endPod({ lab }: Cluster, name: string): Promise<void> {
  await lab.api.remove(`${collection}/${name}`);
}
