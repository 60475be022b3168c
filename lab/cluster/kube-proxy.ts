import { join } from "node:path";
import { LabProcess } from "../processes.ts";
import { type KubeProxySettings, kubeProxyFlags } from "./flags.ts";

export interface KubeProxyOptions extends KubeProxySettings {
  /** Where buildControlPlane() left the programs. */
  readonly binaries: string;
  /** The node's network namespace: the rules that it writes live and die with that. */
  readonly namespace: string;
  readonly logFolder: string;
}

/** A node's second hop: Kubernetes' own. */
export async function startKubeProxy(options: KubeProxyOptions): Promise<LabProcess> {
  const name = `kube-proxy-${options.nodeName}`;
  return LabProcess.start({
    name,
    namespace: options.namespace,
    command: [join(options.binaries, "kube-proxy"), ...kubeProxyFlags(options)],
    logFile: join(options.logFolder, `${name}.log`),
  });
}
