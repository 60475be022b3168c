import { type EndpointSlice, type ReducedSlice, sliceReducer } from "../../src/cluster/endpoint.ts";
import type { KubeApi, KubeObject } from "../../src/kube/client.ts";
import { connectKubeApi } from "../../src/kube/connect.ts";
import { projectEndpointSlice } from "../../src/kube/project.ts";
import { resources } from "../../src/kube/resource.ts";
import { systemClock } from "../../src/runtime/clock.ts";

/** Objects of one page, as the Reflector asks for them. */
export const pageLimit = 100;

const reduce = sliceReducer("node0");

/** What a speaker keeps of an EndpointSlice. */
export function reduced(object: KubeObject): ReducedSlice {
  const slice: EndpointSlice | undefined = projectEndpointSlice(object);
  if (slice === undefined) {
    throw new Error("an EndpointSlice of no Service");
  }
  return reduce(slice);
}

export function connect(kubeconfigPath: string): KubeApi {
  return connectKubeApi({ kubeconfigPath, fieldManager: "bench", clock: systemClock });
}

/** Reads all EndpointSlices as the speaker does: each is parsed when its octets are there. */
export async function readPages(
  api: KubeApi,
  onPage: (slices: readonly ReducedSlice[], continueToken: string | undefined) => void,
): Promise<void> {
  let continueToken: string | undefined;
  do {
    const slices: ReducedSlice[] = [];
    const page = { limit: pageLimit, ...(continueToken === undefined ? {} : { continueToken }) };
    ({ continueToken } = await api.list(resources.endpointSlices, page, (object) =>
      slices.push(reduced(object)),
    ));
    onPage(slices, continueToken);
  } while (continueToken !== undefined);
}
