import { EmbeddedKube } from "../../lab/embedded-kube.ts";
import type { Instance } from "../../lab/instance.ts";
import { Lab } from "../../lab/lab.ts";
import { serviceHasAddress } from "../../lab/sights/service.ts";
import { awaitRoutes } from "../../lab/sights/streams.ts";
import type { Variant } from "../../lab/variant.ts";

/** The scenario, with the Service nginx routed through all nodes. */
export async function startFailoverLab(instance: Instance, variant: Variant): Promise<Lab> {
  const lab = await Lab.start({
    instance,
    variant,
    startKube: (of, signal) => EmbeddedKube.start(of, signal),
    signal: new AbortController().signal,
    progress: () => undefined,
  });
  await serviceHasAddress.see(lab, () => undefined);
  await awaitRoutes(lab);
  return lab;
}
