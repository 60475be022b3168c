import type { ApiClient } from "./api-client.ts";
import { run } from "./command.ts";
import { HealthPorts } from "./health-ports.ts";
import { Mirror } from "./mirror.ts";
import { type Family, healthOfServices, type Ruleset, secondHopRules } from "./second-hop-rules.ts";
import { formatDifference, formatWhole } from "./second-hop-script.ts";
import { serialPass } from "./serial.ts";

export interface SecondHopOptions {
  readonly client: ApiClient;
  readonly nodeName: string;
  /** The Pods' network by family. */
  readonly podNetworks: Readonly<Record<Family, string>>;
  readonly log: (message: string, error?: unknown) => void;
}

const families = ["ip", "ip6"] as const satisfies readonly Family[];

/**
 * Does kube-proxy's work in the network namespace that it runs in, with nftables, from nothing but
 * Services and EndpointSlices. The rules stay when it ends, as kube-proxy's do.
 */
export async function runSecondHop(options: SecondHopOptions, signal: AbortSignal): Promise<void> {
  const installed = new Map<Family, Ruleset>();
  const healthPorts = new HealthPorts((error) => options.log("health port", error));
  const apply = serialPass(
    async () => {
      if (!services.synced || !slices.synced) return;
      for (const family of families) await applyFamily(family);
      await healthPorts.apply(
        healthOfServices({
          services: services.objects.values(),
          endpointSlices: slices.objects.values(),
          nodeName: options.nodeName,
        }),
      );
    },
    (error) => options.log("rules not installed", error),
  );

  async function applyFamily(family: Family): Promise<void> {
    const rules = secondHopRules(family, {
      services: services.objects.values(),
      endpointSlices: slices.objects.values(),
      nodeName: options.nodeName,
      podNetwork: options.podNetworks[family],
    });
    const before = installed.get(family);
    const input =
      before === undefined ? formatWhole(family, rules) : formatDifference(family, before, rules);
    if (input === "") return;
    // Until it is known that the kernel has them, the next pass starts afresh.
    installed.delete(family);
    await run("nft", ["-f", "-"], { input });
    installed.set(family, rules);
  }

  const mirror = (path: string): Mirror =>
    new Mirror({
      client: options.client,
      path,
      onChange: apply,
      onTrouble: (error) => options.log("watch", error),
    });
  const services = mirror("/api/v1/services");
  const slices = mirror("/apis/discovery.k8s.io/v1/endpointslices");
  await Promise.all([services.run(signal), slices.run(signal)]);
}
