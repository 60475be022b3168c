import { at, type Json, listAt, numberAt, textAt } from "../../../lab/kube/json.ts";
import type { Lab } from "../../../lab/lab.ts";
import { workerNodes } from "../../../lab/scenario.ts";
import { waitFor } from "../../../lab/wait.ts";

const speakers = "/apis/apps/v1/namespaces/routelb-system/daemonsets/speaker";
const controller = "/apis/apps/v1/namespaces/routelb-system/deployments/controller";
const nginx = "/apis/apps/v1/namespaces/default/deployments/nginx";
const patience = { timeoutMs: 180_000, intervalMs: 250 };

/** Resolves when the DaemonSet has an available speaker of its present template on each node. */
export async function speakersRolledOut(lab: Lab): Promise<void> {
  await waitFor(
    async () => {
      const { status, isObserved } = await statusOf(lab, speakers);
      const counts = ["updatedNumberScheduled", "numberAvailable", "desiredNumberScheduled"];
      return (isObserved && all(status, counts, workerNodes.length)) || undefined;
    },
    { what: "the speakers are rolled out", ...patience },
  );
}

/** Resolves when the one controller of this lab is of the present template. */
export async function controllerRolledOut(lab: Lab): Promise<void> {
  await deploymentRolledOut(lab, controller, 1);
}

/** Resolves when the Pods behind the Service are of the present template, and no other is left. */
export async function nginxRolledOut(lab: Lab): Promise<void> {
  await deploymentRolledOut(lab, nginx, 3);
  await waitFor(async () => (await nginxPods(lab)).length === 3 || undefined, {
    what: "no Pod of before is left",
    ...patience,
  });
}

export interface NginxPod {
  readonly name: string;
  readonly node: string;
}

export async function nginxPods(lab: Lab): Promise<readonly NginxPod[]> {
  const pods = await lab.api.get("/api/v1/namespaces/default/pods?labelSelector=app%3Dnginx");
  return listAt(pods, "items").map((pod) => ({
    name: textAt(pod, "metadata", "name") ?? "",
    node: textAt(pod, "spec", "nodeName") ?? "",
  }));
}

async function deploymentRolledOut(lab: Lab, path: string, replicas: number): Promise<void> {
  await waitFor(
    async () => {
      const { status, isObserved } = await statusOf(lab, path);
      const counts = ["replicas", "updatedReplicas", "readyReplicas"];
      return (isObserved && all(status, counts, replicas)) || undefined;
    },
    { what: `${path} is rolled out`, ...patience },
  );
}

async function statusOf(lab: Lab, path: string) {
  const object = await lab.api.get(path);
  const generation = numberAt(object, "metadata", "generation");
  const status = at(object, "status");
  return { status, isObserved: numberAt(status, "observedGeneration") === generation };
}

function all(status: Json | undefined, names: readonly string[], count: number): boolean {
  return names.every((name) => numberAt(status, name) === count);
}
