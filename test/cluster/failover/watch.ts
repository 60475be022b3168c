import assert from "node:assert/strict";
import { formatSeconds, mustSee } from "../../../lab/sights/sight.ts";
import { describeResults } from "../../../lab/sights/traffic.ts";
import type { Cluster } from "../cluster.ts";
import type { Promised, Scenario } from "./scenario.ts";
import type { Stream, Watched } from "./stream.ts";

/** Fewer say nothing about an event: from its begin until the tail after it is over. */
const fewestRequests = 500;
/** Of those, the ones that began before it was over. */
const fewestMeanwhile = 100;

export const promised: Readonly<Record<Promised, string>> = {
  "nothing-new": "no new connection is lost",
  "nothing-after": "no connection is lost that begins after the next hop left",
  reported: "what it costs",
};

/**
 * Lets a scenario happen under the client's requests, and resolves with what was seen besides them.
 *
 * @param note is given what was seen of them before anything is judged
 * @throws AssertionError if its promise is broken
 */
export async function watchScenario(
  one: Scenario,
  { cluster, stream }: { readonly cluster: Cluster; readonly stream: Stream },
  note: (watched: Watched) => void,
): Promise<string> {
  try {
    await one.prepare?.(cluster);
    let said = "";
    const seen = await stream.during(async (fromMs) => {
      said = await one.happen(cluster, fromMs);
    });
    note(seen);
    mustSee(seen.sent >= fewestRequests, `${seen.sent} requests only`);
    const { sentMeanwhile } = seen;
    mustSee(sentMeanwhile >= fewestMeanwhile, `${sentMeanwhile} requests only before it was over`);
    one.seenBy(seen);
    assertPromise(one, seen);
    return `${said}; ${formatSeconds(Date.now() - seen.fromMs)}`;
  } finally {
    await one.restore?.(cluster);
  }
}

function assertPromise({ promise }: Scenario, { failed, fromMs }: Watched): void {
  const broken = {
    "nothing-new": [...failed.after, ...failed.before],
    "nothing-after": failed.after,
    reported: [],
  }[promise];
  assert.deepEqual(broken, [], describeResults(broken, fromMs));
}
