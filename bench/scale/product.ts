import { join } from "node:path";
import { builtFolder } from "../../lab/cluster/build.ts";
import { metallb011 } from "../../test/cluster/metallb.ts";
import { config, routelbNamespace, type ScaleCluster } from "./cluster.ts";

export type Role = "controller" | "speaker";

/** A load balancer as its manifests start it. */
export interface Product {
  readonly name: string;
  /** Of its ServiceAccounts, `controller` and `speaker`. */
  readonly namespace: string;
  readonly command: (role: Role, node: string, kubeconfig: string) => readonly string[];
}

const port = "--port=7472";

export function routelb(cluster: ScaleCluster): Product {
  return {
    name: "RouteLB",
    namespace: routelbNamespace,
    command: (role, node, kubeconfig) => [
      process.execPath,
      cluster.program,
      role,
      `--kubeconfig=${kubeconfig}`,
      port,
      ...(role === "speaker" ? [`--node-name=${node}`] : []),
    ],
  };
}

/** With its accounts and its rights on the cluster; without its memberlist, which BGP needs not. */
export async function metallb(cluster: ScaleCluster): Promise<Product> {
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
