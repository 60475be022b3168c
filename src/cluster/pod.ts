/** What decisions need of a Kubernetes Pod. */
export interface Pod {
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
  /** Absent: not scheduled yet. */
  readonly nodeName?: string;
  /** The condition Ready is True. */
  readonly isReady: boolean;
  readonly deleting: boolean;
  /** The DaemonSet that made it. */
  readonly daemonSet?: { readonly name: string; readonly uid: string };
}

/** The names of the nodes on which one of `pods` is Ready and stays. */
export function nodesWithReady(pods: Iterable<Pod>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { nodeName, isReady, deleting } of pods) {
    if (nodeName !== undefined && isReady && !deleting) {
      names.add(nodeName);
    }
  }
  return names;
}
