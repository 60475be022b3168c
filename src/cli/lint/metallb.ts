import { type KubeApi, KubeError, listAll } from "../../kube/client.ts";
import { resources } from "../../kube/resource.ts";

/** How MetalLB's manifests mark a speaker's Pod, and how its Helm chart does. */
const speakerLabels = [
  "app=metallb,component=speaker",
  "app.kubernetes.io/name=metallb,app.kubernetes.io/component=speaker",
];

/** Whether MetalLB's speakers run in the cluster; who may not list Pods is not told of them. */
export async function hasMetallbSpeakers(api: KubeApi): Promise<boolean> {
  try {
    const found = await Promise.all(
      speakerLabels.map((labelSelector) => listAll(api, resources.pods, { labelSelector })),
    );
    return found.flat().length > 0;
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) {
      return false;
    }
    throw error;
  }
}
