import type { ApiAccess } from "./kubeconfig.ts";
import type { Kubectl } from "./kubectl.ts";
import type { ScenarioNode } from "./scenario.ts";

/** The Kubernetes that the nodes of a lab join: the embedded API server, or a real control plane. */
export interface LabKube {
  /** As its administrator, from the host. */
  readonly access: ApiAccess;
  /** The kubectl that came with it; without one, the user's is used. */
  readonly kubectl?: string;
  readonly kubelet: {
    /** The kubelets play kube-proxy as well. */
    readonly secondHop: boolean;
    /** Pods of ours get their own tokens and no rights beyond those. */
    readonly serviceAccountTokens: boolean;
    readonly leaseSeconds: number;
    readonly images?: Readonly<Record<string, string>>;
  };
  /** Where `deploy` puts the Deployment `controller` and the DaemonSet `speaker`. */
  readonly loadBalancerNamespace: string;
  /**
   * The second hop writes its rules at most once in this time: an endpoint that is not ready for a
   * moment, as when its node comes back, may be without rules for as long. 0: at each change.
   */
  readonly secondHopPeriodMs: number;
  /** Resolves when every node's second hop has rules for all that the API server says by now. */
  secondHopFollows(): Promise<void>;
  /** The kubeconfig file of a node's kubelet. */
  kubeletKubeconfig(node: ScenarioNode): Promise<string>;
  /** Starts what a node runs besides its kubelet. */
  startNode(node: ScenarioNode): Promise<void>;
  /** Called when all kubelets were started: resolves when Pods may be deployed. */
  nodesStarted(signal: AbortSignal): Promise<void>;
  /** Deploys RouteLB, or what stands in its place, with the ConfigMap in the file `config`. */
  deploy(kubectl: Kubectl, config: string): Promise<void>;
  close(): Promise<void>;
}
