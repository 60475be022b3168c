/** One ReplicaSet, as far as a rollout needs to know. */
export interface SetSize {
  readonly key: string;
  /** What it is asked for. */
  readonly replicas: number;
  readonly available: number;
}

export interface Rollout {
  readonly replicas: number;
  /** Of the newest template. */
  readonly newest: SetSize;
  /** Oldest first. */
  readonly old: readonly SetSize[];
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

/** One step of a rolling update: how large each set should be now, by key. */
export function rollingStep(rollout: Rollout): ReadonlyMap<string, number> {
  const { replicas, newest, old, maxSurge, maxUnavailable } = rollout;
  const sizes = new Map([newest, ...old].map((set) => [set.key, set.replicas]));
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (newest.replicas > replicas) {
    sizes.set(newest.key, replicas);
  } else {
    const room = Math.max(0, replicas + maxSurge - total);
    sizes.set(newest.key, newest.replicas + Math.min(room, replicas - newest.replicas));
  }
  const minAvailable = replicas - maxUnavailable;
  const newestMissing = Math.max(0, newest.replicas - newest.available);
  let removable = Math.max(0, total - minAvailable - newestMissing);
  // What is not available anyway goes first.
  for (const set of old) {
    const idle = Math.min(Math.max(0, set.replicas - set.available), removable);
    sizes.set(set.key, set.replicas - idle);
    removable -= idle;
  }
  const available = [newest, ...old].reduce((sum, set) => sum + set.available, 0);
  let spare = Math.min(removable, Math.max(0, available - minAvailable));
  for (const set of old) {
    const size = sizes.get(set.key) ?? 0;
    const gone = Math.min(size, spare);
    sizes.set(set.key, size - gone);
    spare -= gone;
  }
  return sizes;
}

/** `25%` of the replicas or a number of Pods; a share is rounded up or down as asked. */
export function resolveShare(share: unknown, replicas: number, rounding: "up" | "down"): number {
  if (typeof share === "number") {
    return share;
  }
  const percent = typeof share === "string" ? Number(share.replace(/%$/, "")) : 0;
  const exact = (replicas * (Number.isNaN(percent) ? 0 : percent)) / 100;
  return rounding === "up" ? Math.ceil(exact) : Math.floor(exact);
}
