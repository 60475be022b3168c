import assert from "node:assert/strict";
import { test } from "node:test";
import { mixedClock } from "../support/manual-clock.ts";
import { accept, configText, setUp, startSpeaker } from "./speaker-process.ts";
import { TestRouter } from "./test-router.ts";

const prefix = "172.16.7.192/32";

/** /proc/net/route of a host whose default gateway is 127.0.0.`last`. */
function routeTable(last: number): string {
  const head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT";
  const gateway = `0${last}00007F`;
  return `${head}\neth0\t00000000\t${gateway}\t0003\t0\t0\t100\t00000000\t0\t0\t0\n`;
}

test("a session with the default gateway follows it when it changes", {
  timeout: 20_000,
}, async (t) => {
  const { server, router, port, kubeconfigPath } = await setUp(t);
  const next = new TestRouter({ asn: 64512 });
  await next.listen(port, "127.0.0.2");
  t.after(() => next.close());
  accept(server, configText(port).replace("127.0.0.1", "default-gateway"));
  let gateway = 1;
  const { clock, manual } = mixedClock();
  const routeTables = () => [routeTable(gateway), ""] as const;
  const { get } = await startSpeaker(t, kubeconfigPath, {}, clock, { routeTables });
  await router.until(() => router.count("End-of-RIB ipv6") === 1);
  const looked = manual.nextTimerOf(5_000);
  await manual.pass(5_000);
  await looked;
  assert.equal(router.count("open"), 1, "the same gateway");

  gateway = 2;
  await manual.pass(5_000);
  await next.untilRoutes(prefix);
  await router.until(() => router.log.at(-1) === "closed");
  assert.equal(router.log.at(-2), "NOTIFICATION 6/3 Cease, Peer De-configured: ");
  const { sessions } = JSON.parse((await get("/state")).text);
  assert.deepEqual(
    sessions.map(({ name }: { name: unknown }) => name),
    ["router@127.0.0.2"],
  );
});
