import { join } from "node:path";
import { builtFolder } from "../../lab/cluster/build.ts";
import { metallb011, metallb016, metallbObject } from "../../test/cluster/metallb.ts";
import {
  config,
  pools,
  routelbNamespace,
  routerAddress,
  routerAsn,
  type ScaleCluster,
  speakerAsn,
} from "./cluster.ts";

export type Role = "controller" | "speaker";

/** A load balancer as its manifests start it. */
export interface Product {
  readonly name: string;
  /** Of its ServiceAccounts, `controller` and `speaker`. */
  readonly namespace: string;
  readonly command: (role: Role, node: string, kubeconfig: string) => readonly string[];
}

const port = "--port=7472";

/** Of the speaker on a node; only some benches make a Pod of that name. */
export function podName(node: string): string {
  return `speaker-${node}`;
}

export function routelb(cluster: ScaleCluster): Product {
  return {
    name: "RouteLB",
    namespace: routelbNamespace,
    command: (role, node, kubeconfig) => [
      // As the manifests of deploy/ have it.
      "env",
      "MALLOC_ARENA_MAX=1",
      process.execPath,
      cluster.program,
      role,
      `--kubeconfig=${kubeconfig}`,
      port,
      ...(role === "speaker" ? [`--node-name=${node}`, `--pod-name=${podName(node)}`] : []),
    ],
  };
}

/** MetalLB v0.11.0 with its own accounts and rights; without its memberlist, which BGP needs not. */
export async function metallbV011(cluster: ScaleCluster): Promise<Product> {
  const { loadBalancer } = await metallb011(config);
  const folder = await builtFolder("metallb/v0.11");
  await loadBalancer?.deploy(cluster.kubectl);
  return {
    name: "MetalLB v0.11.0",
    namespace: "metallb-system",
    command: (role, node, kubeconfig) => [
      join(folder, role),
      `--kubeconfig=${kubeconfig}`,
      "--namespace=metallb-system",
      port,
      ...(role === "speaker" ? [`--node-name=${node}`, "--host=127.0.0.1"] : []),
    ],
  };
}

/** MetalLB v0.16.2 in native mode, likewise. */
export async function metallbV016(cluster: ScaleCluster): Promise<Product> {
  const { loadBalancer } = await metallb016([
    metallbObject("v1beta2", "BGPPeer", "router", {
      myASN: speakerAsn,
      peerASN: routerAsn,
      peerAddress: routerAddress,
    }),
    metallbObject("v1beta1", "IPAddressPool", "given", { addresses: [pools.given] }),
    metallbObject("v1beta1", "IPAddressPool", "moved", {
      addresses: [pools.moved],
      autoAssign: false,
    }),
    metallbObject("v1beta1", "BGPAdvertisement", "all", {}),
  ]);
  const folder = await builtFolder("metallb/v0.16");
  await loadBalancer?.deploy(cluster.kubectl);
  return {
    name: "MetalLB v0.16.2",
    namespace: "metallb-system",
    command: (role, node, kubeconfig) => [
      "env",
      "METALLB_BGP_TYPE=native",
      `METALLB_POD_NAME=${podName(node)}`,
      `KUBECONFIG=${kubeconfig}`,
      join(folder, role),
      "--namespace=metallb-system",
      port,
      ...(role === "speaker"
        ? [`--node-name=${node}`, "--host=127.0.0.1"]
        : ["--webhook-mode=disabled"]),
    ],
  };
}
