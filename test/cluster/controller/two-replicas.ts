import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { type Json, textAt } from "../../../lab/kube/json.ts";
import { waitFor } from "../../../lab/wait.ts";
import type { BareCluster } from "../bare-cluster.ts";
import type { HeldRequest } from "./api-proxy.ts";
import { type Objects, versionOf } from "./objects.ts";
import { leaseTerms, ourNamespace, Replica } from "./replica.ts";

export const replicasConfig = `address-pools:
- {name: plain, protocol: bgp, addresses: [10.0.0.0/28]}
`;

const lease = `/apis/coordination.k8s.io/v1/namespaces/${ourNamespace}/leases/routelb-controller`;
/** A new leader waits for so long when the one before it did not let go: a write's own limit. */
const writeLimitMs = 10_000;
/** The machine may be busy with other things for so long. */
const slackMs = 10_000;
const takeoverLimitMs = (leaseTerms.durationSeconds + leaseTerms.renewSeconds) * 1_000 + slackMs;
/** A replica that does not lead looks at the Lease five times in the time of a renewal. */
const looksInDuration = Math.ceil((leaseTerms.durationSeconds * 5) / leaseTerms.renewSeconds);
const limits = { timeout: 300_000 };
const limitMs = 120_000;

interface World {
  readonly cluster: BareCluster;
  readonly objects: Objects;
}

/** Two of our controllers on a real API server, of which one leads, whatever happens to it. */
export function twoReplicas(world: () => World): void {
  let leading: Replica | undefined;
  let waiting: Replica | undefined;
  const leader = () => {
    assert.ok(leading);
    return leading;
  };
  const follower = () => {
    assert.ok(waiting);
    return waiting;
  };
  const versions = async () => (await world().objects.all()).map(versionOf);
  const holder = async () =>
    textAt(await world().cluster.api.get(lease), "spec", "holderIdentity") ?? "";
  const acquiredMs = async () =>
    Date.parse(textAt(await world().cluster.api.get(lease), "spec", "acquireTime") ?? "");
  /**
   * Something befalls the leader: the other one takes the Lease within its duration plus a renewal.
   * However slow the machine, it does not look at a Lease that has expired more often than it must:
   * once until it sees the last renewal, and once when the time is over.
   */
  const leaderLost = async (strike: () => void | Promise<void>) => {
    const before = await holder();
    const looksBefore = looksAtLease(follower());
    const struckMs = Date.now();
    await strike();
    await waitFor(async () => ((await holder()) === before ? undefined : true), {
      what: "the Lease has another holder",
      timeoutMs: limitMs,
    });
    const tookMs = (await acquiredMs()) - struckMs;
    const looks = looksAtLease(follower()) - looksBefore;
    const said = `the Lease was taken ${tookMs} ms after that, at look ${looks}`;
    assert.ok(tookMs <= takeoverLimitMs, said);
    assert.ok(looks > 0 && looks <= looksInDuration + 2, said);
    return said;
  };
  /** From the taking of the Lease until the replica acts, by its own clock. */
  const waitedMs = async (replica: Replica) => {
    const acts = timeOf(await replica.untilSays("leads"));
    return acts - (await acquiredMs());
  };
  /** The new leader acts when no write of the old one can be under way, and then at once. */
  const actsAfterWrites = async (replica: Replica) => {
    const waited = await waitedMs(replica);
    const said = `the new leader acted ${waited} ms after it took the Lease`;
    assert.ok(waited >= writeLimitMs - 1 && waited <= writeLimitMs + slackMs, said);
    return said;
  };

  describe("two replicas, on a real API server", limits, () => {
    // After a failure they are still there, and so would be this process.
    after(async () => {
      for (const replica of [leading, waiting]) await replica?.[Symbol.asyncDispose]();
    });

    test("one leads, the other is ready and writes nothing", async () => {
      const { cluster, objects } = world();
      leading = await Replica.start(cluster, "a");
      await leading.untilSays("leads");
      waiting = await Replica.start(cluster, "b");
      await waiting.untilSays("another controller leads");
      await objects.create("first");
      await objects.untilAddress("first", "10.0.0.0");
      assert.equal(await waiting.leads(), false);
      await waitFor(async () => (await follower().fetch("/readyz")) === "ok\n" || undefined, {
        what: "the replica that does not lead is ready",
        timeoutMs: limitMs,
      });
      assert.deepEqual(statusWrites(waiting), []);
    });

    test("stopped between its check and its write: what slips through is found, and the later holder moved", async (t) => {
      const { objects } = world();
      await objects.create("late", { type: "ClusterIP" });
      const isWriteOf = (name: string) => (request: HeldRequest) =>
        request.method === "PATCH" && request.path.includes(`/services/${name}/status`);
      const oldWrite = leader().proxy.holdNext(isWriteOf("slow"));
      await objects.create("slow");
      const slipping = await oldWrite;
      const newWrite = follower().proxy.holdNext(isWriteOf("slow"));
      const taken = await leaderLost(async () => {
        leader().process.signal("SIGSTOP");
        // Before `slow` in the order of service, so the new leader gives it what the old one meant for `slow`.
        await objects.patch("late", { spec: { type: "LoadBalancer" } });
      });
      t.diagnostic(`SIGSTOP: ${taken}`);
      await objects.untilAddress("late", "10.0.0.1");
      t.diagnostic(await actsAfterWrites(follower()));
      const held = await newWrite;
      slipping.release();
      await objects.untilAddress("slow", "10.0.0.1");
      held.release();
      await objects.untilAddress("slow", "10.0.0.2");
      await objects.untilEvent(
        "slow",
        /^Renumbered: Assigned 10\.0\.0\.2 .* instead of 10\.0\.0\.1/,
      );
      assert.equal(await objects.addressOf("late"), "10.0.0.1");
    });

    test("the old leader wakes, and leads no more", async () => {
      const { objects } = world();
      const written = statusWrites(leader()).length;
      leader().process.signal("SIGCONT");
      await leader().untilSays("leads no more");
      await objects.create("third");
      await objects.untilAddress("third", "10.0.0.3");
      assert.equal(await leader().leads(), false);
      assert.equal(statusWrites(leader()).length, written);
      [leading, waiting] = [waiting, leading];
    });

    test("cut off from the API: the other takes over, and nothing is written again", async (t) => {
      const { objects } = world();
      await follower().untilSays("another controller leads");
      const stood = await versions();
      const taken = await leaderLost(async () => {
        leader().proxy.cut();
        await objects.create("fourth");
      });
      t.diagnostic(`cut off: ${taken}`);
      await objects.untilAddress("fourth", "10.0.0.4");
      await leader().untilSays("leads no more");
      t.diagnostic(await actsAfterWrites(follower()));
      leader().proxy.mend();
      assert.deepEqual(
        (await versions()).filter((one) => !one.startsWith("fourth@")),
        stood,
      );
      [leading, waiting] = [waiting, leading];
    });

    test("killed: the other takes over, and nothing is written again", async (t) => {
      const { cluster, objects } = world();
      await waitFor(async () => (await follower().fetch("/readyz")) === "ok\n" || undefined, {
        what: "the replica that was cut off is ready again",
        timeoutMs: limitMs,
      });
      const stood = await versions();
      const taken = await leaderLost(async () => {
        leader().process.signal("SIGKILL");
        await leader().process.exited;
        await objects.create("fifth");
      });
      t.diagnostic(`SIGKILL: ${taken}`);
      await objects.untilAddress("fifth", "10.0.0.5");
      t.diagnostic(await actsAfterWrites(follower()));
      assert.deepEqual(
        (await versions()).filter((one) => !one.startsWith("fifth@")),
        stood,
      );
      await leader()[Symbol.asyncDispose]();
      leading = waiting;
      waiting = await Replica.start(cluster, "c");
      await waiting.untilSays("another controller leads");
    });

    test("told to end, it lets go: the other acts at once", async () => {
      const { objects } = world();
      const stood = await versions();
      assert.equal((await leader().process.stop(60_000)).code, 0);
      await objects.create("sixth");
      await objects.untilAddress("sixth", "10.0.0.6");
      assert.ok((await waitedMs(follower())) < writeLimitMs);
      assert.deepEqual(
        (await versions()).filter((one) => !one.startsWith("sixth@")),
        stood,
      );
      await leader()[Symbol.asyncDispose]();
      await follower()[Symbol.asyncDispose]();
    });

    test("without permission for the Lease it says what it needs, and does nothing", async () => {
      const { cluster, objects } = world();
      await cluster.kubectl.run("create", "serviceaccount", "no-lease", "-n", ourNamespace);
      const role = ["create", "clusterrolebinding", "no-lease", "--clusterrole=routelb:controller"];
      await cluster.kubectl.run(...role, `--serviceaccount=${ourNamespace}:no-lease`);
      await using replica = await Replica.start(cluster, "d", { account: "no-lease" });
      await replica.untilSays("the Lease may not be used");
      assert.match(await replica.fetch("/readyz"), /its service account needs "get" and "update"/);
      await objects.create("seventh");
      assert.deepEqual(statusWrites(replica), []);
      assert.equal(await objects.addressOf("seventh"), "");
    });
  });
}

function statusWrites({ proxy }: Replica): readonly string[] {
  return proxy.forwarded.filter(
    (request) => request.startsWith("PATCH ") && request.includes("/status"),
  );
}

/** How often it read the Lease while another held it. */
function looksAtLease({ proxy }: Replica): number {
  return proxy.forwarded.filter((request) => request.startsWith(`GET ${lease}?`)).length;
}

/** Of a line of our log. */
function timeOf(line: Json): number {
  return Date.parse(textAt(line, "time") ?? "");
}
