import { join } from "node:path";
import type { Credentials } from "./credentials.ts";

/** The ranges of ClusterIPs, IPv6 where the cluster has it; the first is the API server's own. */
const serviceRanges = ["10.96.0.0/16", "fd00:10:96::/112"];
export const firstServiceAddress = "10.96.0.1";
export const apiServerPort = 6443;
const podRanges = ["10.244.0.0/16", "fd00:10:244::/56"];

const etcdUrl = "http://127.0.0.1:2379";

/** What the command lines of the parts have in common. */
export interface ClusterSettings {
  /** State of this instance; whoever made it removes it. */
  readonly folder: string;
  /** The first node's address: the API server listens there on `apiServerPort`. */
  readonly address: string;
  /** How long a node may be silent before it is NotReady. Kubernetes' own default is 50 s. */
  readonly nodeGraceSeconds: number;
  /** Services and Pods have both families; IPv4 alone unless said. */
  readonly isDualStack?: boolean;
}

/** The value of a flag that takes a range, or one of each family. */
function ranges(of: readonly string[], isDualStack = false): string {
  return (isDualStack ? of : of.slice(0, 1)).join(",");
}

export function etcdFlags({ folder }: ClusterSettings): string[] {
  return [
    `--data-dir=${join(folder, "etcd")}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    "--listen-peer-urls=http://127.0.0.1:2380",
    "--unsafe-no-fsync",
    "--log-level=warn",
  ];
}

export function apiServerFlags(settings: ClusterSettings, credentials: Credentials): string[] {
  return [
    `--etcd-servers=${etcdUrl}`,
    `--bind-address=${settings.isDualStack ? "::" : "0.0.0.0"}`,
    `--secure-port=${apiServerPort}`,
    `--advertise-address=${settings.address}`,
    `--tls-cert-file=${credentials.certificateFile}`,
    `--tls-private-key-file=${credentials.keyFile}`,
    `--cert-dir=${join(settings.folder, "made-by-apiserver")}`,
    `--token-auth-file=${credentials.tokenFile}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${credentials.serviceAccountPublicKeyFile}`,
    `--service-account-signing-key-file=${credentials.serviceAccountKeyFile}`,
    `--service-cluster-ip-range=${ranges(serviceRanges, settings.isDualStack)}`,
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    `--audit-policy-file=${join(settings.folder, "audit-policy.json")}`,
    `--audit-log-path=${auditLog(settings)}`,
    "--profiling=false",
  ];
}

export function controllerManagerFlags(
  settings: ClusterSettings,
  credentials: Credentials,
  kubeconfig: string,
): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--service-account-private-key-file=${credentials.serviceAccountKeyFile}`,
    `--root-ca-file=${credentials.certificateFile}`,
    "--use-service-account-credentials",
    "--leader-elect=false",
    // Its default controllers; without a cloud this one only logs that there is none.
    "--controllers=*,-cloud-node-lifecycle-controller",
    `--node-monitor-grace-period=${settings.nodeGraceSeconds}s`,
    // A thousand Services in one go would wait a minute behind the default of 20 requests a second.
    "--kube-api-qps=200",
    "--kube-api-burst=400",
    "--authentication-skip-lookup",
    "--secure-port=0",
    "--profiling=false",
  ];
}

export function schedulerFlags(kubeconfig: string): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    "--leader-elect=false",
    "--authentication-skip-lookup",
    "--secure-port=0",
    "--profiling=false",
  ];
}

export type KubeProxyMode = "nftables" | "iptables";

/** The three zeros are sysctls that a network namespace may not write. */
export interface KubeProxySettings {
  readonly mode: KubeProxyMode;
  readonly nodeName: string;
  /** Of the account kube-proxy. */
  readonly kubeconfig: string;
  /** Services and Pods have both families; IPv4 alone unless said. */
  readonly isDualStack?: boolean;
  /** Twice this long it may try in vain before it says that it is unhealthy; d: its own, 30 s. */
  readonly syncPeriodSeconds?: number;
}

export function kubeProxyFlags(settings: KubeProxySettings): string[] {
  const { mode, nodeName, kubeconfig, isDualStack, syncPeriodSeconds } = settings;
  return [
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${nodeName}`,
    `--proxy-mode=${mode}`,
    `--cluster-cidr=${ranges(podRanges, isDualStack)}`,
    "--conntrack-max-per-core=0",
    "--conntrack-tcp-timeout-established=0",
    "--conntrack-tcp-timeout-close-wait=0",
    "--profiling=false",
    // Of every mode but ipvs, whatever its name says.
    ...(syncPeriodSeconds === undefined ? [] : [`--iptables-sync-period=${syncPeriodSeconds}s`]),
  ];
}

export function auditLog({ folder }: Pick<ClusterSettings, "folder">): string {
  return join(folder, "audit.log");
}

/** Who did what, of every request: the test reads the refusals out of it. */
export const auditPolicy = JSON.stringify({
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived", "ResponseStarted"],
  rules: [{ level: "Metadata" }],
});
