import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { ApiServer } from "../../../lab/kube/server.ts";
import { type KubeApi, KubeError, type KubeObject } from "../../../src/kube/client.ts";
import {
  addressOf,
  applyConfig,
  createService,
  inForceText,
  poolsText,
  type Running,
  run,
  startServer,
  until,
  untilAddress,
  untilEvent,
} from "../running.ts";

const limits = { timeout: 60_000 };
const p = ["p", "10.0.0.0/32"] as const;
const q = ["q", "10.0.1.0/32"] as const;

/** What becomes of a write that is held up; `send` has the server do it. */
type Ending = (send: () => Promise<KubeObject>) => Promise<KubeObject>;

interface HeldUp extends Running {
  /** The write that is held up ends; the later ones of this Service end as `next` says, d: well. */
  readonly end: (ending: Ending, next?: Ending) => void;
}

const well: Ending = (send) => send();
const refused: Ending = () => Promise.reject(new KubeError(403, "Forbidden", "not allowed"));
const unanswered: Ending = () => Promise.reject(new KubeError(0, "", "no answer"));
const doneUnanswered: Ending = async (send) => {
  await send();
  return unanswered(send);
};

/**
 * The write of 10.0.0.0 to `a` is held up. Meanwhile `a` is to have 10.0.1.0 instead, and `b` asks
 * for the first.
 */
async function holdUp(t: TestContext): Promise<HeldUp> {
  const server = await startServer();
  let isHeldUp = false;
  let next: Ending = well;
  const { promise: ended, resolve } = Promise.withResolvers<Ending>();
  const wrap = (api: KubeApi): KubeApi => ({
    list: (...rest) => api.list(...rest),
    watch: (...rest) => api.watch(...rest),
    get: (...rest) => api.get(...rest),
    create: (...rest) => api.create(...rest),
    update: (...rest) => api.update(...rest),
    patch: async (...rest) => {
      const send = () => api.patch(...rest);
      const [{ name, subresource }] = rest;
      if (subresource !== "status" || name !== "a") {
        return send();
      }
      const isFirst = !isHeldUp;
      isHeldUp = true;
      return isFirst ? (await ended)(send) : next(send);
    },
    remove: (...rest) => api.remove(...rest),
  });
  applyConfig(server, poolsText(p));
  createService(server, "a");
  watchForDoubles(t, server);
  const running = await run(t, server, { wrap });
  await until(() => isHeldUp);
  await configure(server, poolsText(q));
  while (!(await running.fetch("/metrics")).includes('in_use_total{pool="q"} 1')) {
    await setTimeout(2);
  }
  await configure(server, poolsText(p, q));
  createService(server, "b", { loadBalancerIP: "10.0.0.0" });
  await untilEvent(server, "b", /^AllocationFailed: .* 10\.0\.0\.0 is held by Service default\/a/);
  return {
    ...running,
    end: (ending, later = well) => {
      next = later;
      resolve(ending);
    },
  };
}

async function configure(server: ApiServer, text: string): Promise<void> {
  applyConfig(server, text, { "routelb.io/allow-renumbering": "true" });
  await until(() => inForceText(server) === text);
}

/** In no moment do two Services show one address. */
function watchForDoubles(t: TestContext, server: ApiServer): void {
  const doubles: string[] = [];
  server.objects.onChange("services", () => {
    const [a, b] = ["a", "b"].map((name) => addressOf(server, name));
    if (a !== undefined && a !== "" && a === b) {
      doubles.push(a);
    }
  });
  t.after(() => assert.deepEqual(doubles, []));
}

test("a write that is refused sets free what it would have given", limits, async (t) => {
  const { server, end } = await holdUp(t);
  end(refused);
  await untilAddress(server, "b", "10.0.0.0");
  await untilAddress(server, "a", "10.0.1.0");
});

test(
  "a write that got no answer keeps its address until the Service is written again",
  limits,
  async (t) => {
    const { server, end } = await holdUp(t);
    end(unanswered);
    await untilAddress(server, "a", "10.0.1.0");
    await untilAddress(server, "b", "10.0.0.0");
  },
);

test(
  "or, when it cannot be written, until it is read after the limit for the write",
  limits,
  async (t) => {
    const { server, clock, setClock, end } = await holdUp(t);
    server.faults.add({ verb: "get", resource: "services" }, { type: "answer", code: 500 }, 2);
    setClock(false);
    const endMs = clock.now();
    end(unanswered, refused);
    const isRead = () =>
      server.requests.some(({ verb, target }) => verb === "get" && target?.name === "a");
    await clock.timerOf(10_000);
    assert.equal(isRead(), false);
    setClock(true);
    await untilAddress(server, "b", "10.0.0.0");
    assert.equal(isRead(), true);
    assert.ok(clock.now() - endMs >= 10_000);
    assert.equal(addressOf(server, "a"), "");
  },
);

for (const [says, ending] of [
  ["late", well],
  ["without an answer", doneUnanswered],
] as const) {
  test(`a write that is done ${says} gives its Service the address`, limits, async (t) => {
    const { server, end } = await holdUp(t);
    end(ending);
    await untilAddress(server, "a", "10.0.0.0");
    server.objects.delete("services", "default/a");
    await untilAddress(server, "b", "10.0.0.0");
  });
}
