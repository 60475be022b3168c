import { type KubeApi, KubeError, listAll } from "../../kube/client.ts";
import { resources } from "../../kube/resource.ts";

/** How MetalLB's manifests mark a speaker's Pod, and how its Helm chart does. */
const speakerLabels = [
  "app=metallb,component=speaker",
  "app.kubernetes.io/name=metallb,app.kubernetes.io/component=speaker",
];

/** Whether MetalLB's speakers run in the cluster; undefined: we may not list Pods. */
export async function hasMetallbSpeakers(api: KubeApi): Promise<boolean | undefined> {
  try {
    const found = await Promise.all(
      speakerLabels.map((labelSelector) => listAll(api, resources.pods, { labelSelector })),
    );
    return found.flat().length > 0;
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) {
      return undefined;
    }
    throw error;
  }
}
