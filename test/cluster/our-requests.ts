import assert from "node:assert/strict";
import { auditedRequests } from "../../lab/cluster/audit.ts";
import type { Cluster } from "./cluster.ts";

/**
 * Everything that our accounts asked of the API server, as `verb resource`, by account: the
 * controller's and the speakers'. Ends the API server, so that its log is whole.
 *
 * @param accounts names of our users, with `controller` or `speaker` as its group
 * @throws AssertionError if a request was refused, or if one of the two accounts asked nothing
 */
export async function ourRequests(
  { kube }: Cluster,
  accounts: RegExp = /^system:serviceaccount:routelb-system:(.+)$/,
): Promise<ReadonlyMap<string, Set<string>>> {
  await kube.controlPlane.stopApiServer();
  const used = new Map<string, Set<string>>();
  const refused: string[] = [];
  for await (const { user, verb, target, status } of auditedRequests(kube.auditLog)) {
    const [, account] = accounts.exec(user) ?? [];
    if (account === undefined) continue;
    const verbs = used.get(account) ?? new Set();
    used.set(account, verbs.add(`${verb} ${target}`));
    if (status === 403) refused.push(`${account}: ${verb} ${target}`);
  }
  assert.deepEqual(refused, []);
  assert.deepEqual([...used.keys()].toSorted(), ["controller", "speaker"]);
  return used;
}

/** `controller: get leases, ...; speaker: ...`. */
export function formatRequests(used: ReadonlyMap<string, ReadonlySet<string>>): string {
  return [...used]
    .map(([account, verbs]) => `${account}: ${[...verbs].toSorted().join(", ")}`)
    .join("; ");
}
