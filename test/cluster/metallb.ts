import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { builtFolder } from "../../lab/cluster/build.ts";
import { type JsonObject, listAt, objectAt, textAt } from "../../lab/kube/json.ts";
import { scenario } from "../../lab/scenario.ts";
import { readManifests } from "../deploy/manifests.ts";
import type { ClusterOptions } from "./cluster.ts";

const namespace = "metallb-system";

export type Metallb = Pick<ClusterOptions, "loadBalancer" | "images">;

/**
 * MetalLB v0.11.0 in RouteLB's place, built from its own source and deployed by its own manifests
 * with its own RBAC. What this Kubernetes no longer has, PodSecurityPolicies, is left out.
 *
 * @param config the text of its ConfigMap
 */
export async function metallb011(config: string): Promise<Metallb> {
  const folder = await builtFolder("metallb/v0.11");
  const shipped = readManifests(await readFile(join(folder, "metallb.yaml"), "utf8")).filter(
    (object) => textAt(object, "kind") !== "PodSecurityPolicy",
  );
  const metadata = { name: namespace, labels: { app: "metallb" } };
  return {
    images: images("v0.11.0", folder),
    loadBalancer: {
      namespace,
      deploy: async (kubectl) => {
        await kubectl.runWith(
          manifestText([
            { apiVersion: "v1", kind: "Namespace", metadata },
            ...shipped,
            configMap(config),
          ]),
          "apply",
          "-f",
          "-",
        );
      },
    },
  };
}

/**
 * MetalLB v0.16.2 in native mode, likewise, with `objects` of its own as its configuration.
 *
 * The lab's Pods have no volumes and no certificates, so without its webhooks and without the list of
 * speakers that layer 2 needs; its readiness is asked for on loopback, which only a kubelet can; and
 * no speaker on the control plane's node, as with 0.11.
 */
export async function metallb016(objects: readonly JsonObject[]): Promise<Metallb> {
  const folder = await builtFolder("metallb/v0.16");
  const all = readManifests(await readFile(join(folder, "metallb-native.yaml"), "utf8"));
  const isDefinition = (object: JsonObject) =>
    textAt(object, "kind") === "CustomResourceDefinition";
  const shipped = all
    .filter((object) => textAt(object, "kind") !== "ValidatingWebhookConfiguration")
    .map((object) => (isDefinition(object) ? withoutWebhook(object) : withoutVolumes(object)));
  return {
    images: images("v0.16.2", folder),
    loadBalancer: {
      namespace,
      deploy: async (kubectl) => {
        const apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        await kubectl.runWith(manifestText(shipped.filter(isDefinition)), ...apply);
        await kubectl.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s");
        const rest = shipped.filter((object) => !isDefinition(object));
        await kubectl.runWith(manifestText([...rest, ...objects]), ...apply);
      },
    },
  };
}

/** The webhook that turns v1beta1 into v1beta2 is MetalLB's controller, which serves none here. */
export function withoutWebhook(definition: JsonObject): JsonObject {
  return {
    ...definition,
    spec: { ...objectAt(definition, "spec"), conversion: { strategy: "None" } },
  };
}

function withoutVolumes(object: JsonObject): JsonObject {
  const pod = objectAt(object, "spec", "template", "spec");
  const [container] = listAt(pod, "containers");
  if (container === undefined) return object;
  const isController = textAt(object, "kind") === "Deployment";
  const kept = without(objectAt(container), "readinessProbe", "livenessProbe", "volumeMounts");
  const args = [...listAt(container, "args"), ...(isController ? ["--webhook-mode=disabled"] : [])];
  const env = listAt(container, "env").filter(
    (one) => textAt(one, "name")?.startsWith("METALLB_ML_") !== true,
  );
  const template = {
    ...objectAt(object, "spec", "template"),
    spec: { ...without(pod, "volumes", "tolerations"), containers: [{ ...kept, args, env }] },
  };
  return { ...object, spec: { ...objectAt(object, "spec"), template } };
}

function without(object: JsonObject, ...keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

function images(version: string, folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    ["controller", "speaker"].map((name) => [
      `quay.io/metallb/${name}:${version}`,
      join(folder, name),
    ]),
  );
}

function manifestText(objects: readonly JsonObject[]): string {
  return objects.map((object) => stringify(object)).join("---\n");
}

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

/** The same as objects of MetalLB 0.13 and later. */
export const metallbObjects: readonly JsonObject[] = [
  metallbObject("v1beta2", "BGPPeer", "router", {
    myASN: scenario.speakerAsn,
    peerASN: scenario.routerAsn,
    peerAddress: scenario.routerAddress,
  }),
  metallbObject("v1beta1", "IPAddressPool", "my-ip-space", {
    addresses: [scenario.poolCidr],
    avoidBuggyIPs: true,
  }),
  metallbObject("v1beta1", "BGPAdvertisement", "all", {}),
];

/** A custom resource in MetalLB's own namespace. */
export function metallbObject(
  version: string,
  kind: string,
  name: string,
  spec: JsonObject,
): JsonObject {
  return { apiVersion: `metallb.io/${version}`, kind, metadata: { name, namespace }, spec };
}
