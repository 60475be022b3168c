import type { Sight } from "../../lab/sights/sight.ts";
import type { Cluster } from "./cluster.ts";

/** One thing that must be seen of a cluster on the real control plane. */
export interface Claim {
  readonly title: string;
  /** Resolves with what was seen; rejects if that is not what must be seen. */
  readonly see: (cluster: Cluster) => Promise<string>;
}

export function claimOf({ title, see }: Sight): Claim {
  return { title, see: ({ lab }) => see(lab, () => undefined) };
}
