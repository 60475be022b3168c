import { join } from "node:path";
import { LabProcess } from "../processes.ts";
import { type KubeProxyMode, kubeProxyFlags } from "./flags.ts";

export interface KubeProxyOptions {
  /** Where buildControlPlane() left the programs. */
  readonly binaries: string;
  readonly mode: KubeProxyMode;
  readonly nodeName: string;
  /** The node's network namespace: the rules that it writes live and die with that. */
  readonly namespace: string;
  /** Of the account kube-proxy. */
  readonly kubeconfig: string;
  readonly logFolder: string;
}

/** A node's second hop: Kubernetes' own. */
export async function startKubeProxy(options: KubeProxyOptions): Promise<LabProcess> {
  const { mode, nodeName, kubeconfig } = options;
  const name = `kube-proxy-${nodeName}`;
  return LabProcess.start({
    name,
    namespace: options.namespace,
    command: [
      join(options.binaries, "kube-proxy"),
      ...kubeProxyFlags({ mode, nodeName, kubeconfig }),
    ],
    logFile: join(options.logFolder, `${name}.log`),
  });
}
