import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Json, textAt } from "../../../lab/kube/json.ts";
import { waitFor } from "../../../lab/wait.ts";
import type { BareCluster } from "../bare-cluster.ts";
import type { HeldRequest } from "./api-proxy.ts";
import { type Objects, versionOf } from "./objects.ts";
import { ourNamespace, Replica } from "./replica.ts";

export const replicasConfig = `address-pools:
- {name: plain, protocol: bgp, addresses: [10.0.0.0/28]}
`;

const lease = `/apis/coordination.k8s.io/v1/namespaces/${ourNamespace}/leases/routelb-controller`;
/** A new leader waits for so long when the one before it did not let go: a write's own limit. */
const writeLimitMs = 10_000;
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
  const untilOtherHolder = async (before: string) =>
    waitFor(async () => ((await holder()) === before ? undefined : true), {
      what: "the Lease has another holder",
      timeoutMs: limitMs,
    });
  /** From the taking of the Lease until the replica acts, by its own clock. */
  const waitedMs = async (replica: Replica) => {
    const acts = timeOf(await replica.untilSays("leads"));
    const taken = textAt(await world().cluster.api.get(lease), "spec", "acquireTime") ?? "";
    return acts - Date.parse(taken);
  };

  describe("two replicas, on a real API server", limits, () => {
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
      leader().process.signal("SIGSTOP");
      const before = await holder();
      const newWrite = follower().proxy.holdNext(isWriteOf("slow"));
      // Before `slow` in the order of service, so the new leader gives it what the old one meant for `slow`.
      await objects.patch("late", { spec: { type: "LoadBalancer" } });
      await untilOtherHolder(before);
      await objects.untilAddress("late", "10.0.0.1");
      const waited = await waitedMs(follower());
      assert.ok(waited >= writeLimitMs - 1, `acted ${waited} ms after it took the Lease`);
      t.diagnostic(`the new leader acted ${waited} ms after it took the Lease`);
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
      const before = await holder();
      const stood = await versions();
      const cutMs = performance.now();
      leader().proxy.cut();
      await objects.create("fourth");
      await untilOtherHolder(before);
      t.diagnostic(`another holder ${Math.round(performance.now() - cutMs)} ms after the cut`);
      await objects.untilAddress("fourth", "10.0.0.4");
      await leader().untilSays("leads no more");
      assert.ok((await waitedMs(follower())) >= writeLimitMs - 1);
      leader().proxy.mend();
      assert.deepEqual(
        (await versions()).filter((one) => !one.startsWith("fourth@")),
        stood,
      );
      [leading, waiting] = [waiting, leading];
    });

    test("killed: the other takes over, and nothing is written again", async (t) => {
      const { cluster, objects } = world();
      const before = await holder();
      await waitFor(async () => (await follower().fetch("/readyz")) === "ok\n" || undefined, {
        what: "the replica that was cut off is ready again",
        timeoutMs: limitMs,
      });
      const stood = await versions();
      const killedMs = performance.now();
      leader().process.signal("SIGKILL");
      await leader().process.exited;
      await objects.create("fifth");
      await untilOtherHolder(before);
      t.diagnostic(`another holder ${Math.round(performance.now() - killedMs)} ms after SIGKILL`);
      await objects.untilAddress("fifth", "10.0.0.5");
      assert.ok((await waitedMs(follower())) >= writeLimitMs - 1);
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

/** Of a line of our log. */
function timeOf(line: Json): number {
  return Date.parse(textAt(line, "time") ?? "");
}
