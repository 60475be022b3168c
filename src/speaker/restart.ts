import { type Node, whyDraining } from "../cluster/node.ts";
import { type DaemonSetPlacement, type NodePlacement, wantsPodOn } from "../cluster/placement.ts";
import type { Pod } from "../cluster/pod.ts";

/** What a speaker that was told to end reads, to know whether another takes its place here. */
export interface RestartEvidence {
  readonly ownPod: Pod;
  readonly daemonSet: DaemonSetPlacement;
  readonly node: Node;
  readonly placement: NodePlacement;
}

/**
 * Why the end of this speaker is not the restart of one: a sentence; undefined where it is proved
 * that another follows on this node, so that the routers may go on forwarding to it.
 */
export function whyNoRestart(
  { ownPod, daemonSet, node, placement }: RestartEvidence,
  drainOnCordon: boolean,
): string | undefined {
  if (ownPod.nodeName !== node.name) {
    return "the Pod of our name is on another node";
  }
  if (!ownPod.deleting) {
    return "our Pod is not being deleted: the node goes down, or somebody stopped the process";
  }
  if (ownPod.daemonSet?.uid !== daemonSet.uid) {
    return "our Pod belongs to another DaemonSet, which is gone";
  }
  if (daemonSet.deleting) {
    return "our DaemonSet is being deleted";
  }
  if (placement.deleting || !placement.isReady) {
    return "our Node is not Ready, or is being deleted";
  }
  if (whyDraining(node, drainOnCordon) !== undefined) {
    return "our Node drains";
  }
  return wantsPodOn(daemonSet, placement)
    ? undefined
    : "our DaemonSet would not put another Pod on this Node";
}
