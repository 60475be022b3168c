import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import { builtFolder } from "../../lab/cluster/build.ts";
import { type JsonObject, textAt } from "../../lab/kube/json.ts";
import { scenario } from "../../lab/scenario.ts";
import type { ClusterOptions } from "./cluster.ts";

const namespace = "metallb-system";

/**
 * MetalLB v0.11.0 in RouteLB's place, built from its own source and deployed by its own manifests
 * with its own RBAC. What this Kubernetes no longer has, PodSecurityPolicies, is left out.
 *
 * @param config the text of its ConfigMap
 */
export async function metallb011(
  config: string,
): Promise<Pick<ClusterOptions, "loadBalancer" | "images">> {
  const folder = await builtFolder("metallb/v0.11");
  const documents = parseAllDocuments(await readFile(join(folder, "metallb.yaml"), "utf8"));
  const shipped = documents
    .map((document): JsonObject => document.toJS())
    .filter((object) => textAt(object, "kind") !== "PodSecurityPolicy");
  const objects = [namespaceObject, ...shipped, configMap(config)];
  return {
    images: {
      "quay.io/metallb/controller:v0.11.0": join(folder, "controller"),
      "quay.io/metallb/speaker:v0.11.0": join(folder, "speaker"),
    },
    loadBalancer: {
      namespace,
      deploy: async (kubectl) => {
        const text = objects.map((object) => stringify(object)).join("---\n");
        await kubectl.runWith(text, "apply", "-f", "-");
      },
    },
  };
}

const namespaceObject: JsonObject = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: namespace, labels: { app: "metallb" } },
};

function configMap(config: string): JsonObject {
  const metadata = { name: "config", namespace };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data: { config } };
}

/** The scenario's configuration, as a user of MetalLB up to 0.12 wrote it. */
export const metallbConfig = `peers:
- my-asn: ${scenario.speakerAsn}
  peer-asn: ${scenario.routerAsn}
  peer-address: ${scenario.routerAddress}
address-pools:
- name: my-ip-space
  protocol: bgp
  avoid-buggy-ips: true
  addresses:
  - ${scenario.poolCidr}
`;
