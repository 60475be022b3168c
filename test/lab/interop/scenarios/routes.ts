import assert from "node:assert/strict";
import { waitFor } from "../../../../lab/wait.ts";
import type { BgpSpeaker } from "../../../support/bgp-speaker.ts";
import type { NeighbourView } from "../../../support/routers/router.ts";
import type { Answers } from "../rows.ts";
import type { Scenario, Stage } from "../stage.ts";

/** From the first route to the last, all in one session. */
export const routes: Scenario = {
  name: "routes",
  settings: {},
  rows: [
    "ipv4",
    "ten-prefixes",
    "many-prefixes",
    "extended-messages",
    "refresh",
    "enhanced-refresh",
    "withdraw",
    "own-routes",
    "shutdown-text",
  ],
  async run(stage) {
    const speaker = await stage.speaker();
    await speaker.request({ type: "routes", routes: { count: 10 } });
    const view = await stage.waitUntilUp();
    await assertAgreed(stage, speaker, view);
    await stage.waitForCount(10);
    const ownRoutes = await receivedRoutes(speaker);
    const extended = await manyPrefixes(stage, speaker, view);
    const refreshed = await refresh(stage, speaker);
    await withdraw(stage, speaker);
    await speaker.request({ type: "close", text: "node1 drains" });
    const isToldWhy = await stage.says(/node1 drains/);
    return {
      ipv4: "yes",
      "ten-prefixes": "yes",
      "many-prefixes": "yes",
      withdraw: "yes",
      "extended-messages": extended,
      ...refreshed,
      "own-routes": ownRoutes,
      "shutdown-text": isToldWhy ? "yes" : `its last word: \`${await stage.lastWord()}\``,
    };
  },
};

export async function assertAgreed(
  stage: Stage,
  speaker: BgpSpeaker,
  view: NeighbourView,
): Promise<void> {
  const { negotiated } = await speaker.status();
  assert.equal(view.remoteAsn, stage.settings.speakerAsn);
  assert.equal(view.holdTimeSeconds ?? 9, 9);
  assert.equal(negotiated?.holdTimeSeconds, 9);
  assert.equal(negotiated.peerAsn, stage.settings.asn);
  assert.deepEqual(negotiated.families, ["ipv4", "ipv6"]);
}

async function receivedRoutes(speaker: BgpSpeaker): Promise<string> {
  const { counters } = await speaker.waitFor(
    "the routes of the router",
    (status) => status.counters.prefixesReceived >= 2,
  );
  const malformed = counters.malformedAttributesReceived;
  return malformed === 0 ? "yes" : `${malformed} malformed attributes`;
}

async function manyPrefixes(
  stage: Stage,
  speaker: BgpSpeaker,
  view: NeighbourView,
): Promise<string> {
  const before = (await speaker.status()).counters;
  await speaker.request({ type: "routes", routes: { count: 10_000 } });
  await stage.waitForCount(10_000);
  const { counters, negotiated } = await speaker.status();
  assert.equal(counters.prefixesAdvertised - before.prefixesAdvertised, 9_990);
  const updates = counters.updatesSent - before.updatesSent;
  const isAgreed = view.extendedMessages === "agreed";
  assert.equal(negotiated?.extendedMessages, isAgreed);
  // 9,990 prefixes of 5 octets fill 13 messages of 4,096 octets; extended ones grow beyond that.
  assert.ok(isAgreed ? updates < 13 : updates === 13, `${updates} UPDATEs`);
  return isAgreed ? "yes" : view.extendedMessages;
}

async function refresh(stage: Stage, speaker: BgpSpeaker): Promise<Answers> {
  const before = (await speaker.status()).counters;
  const command = await stage.router.refresh();
  const isAsked = await waitFor(
    async () => {
      const { counters } = await speaker.status();
      return counters.routeRefreshesReceived > before.routeRefreshesReceived || undefined;
    },
    { what: "a ROUTE-REFRESH", timeoutMs: 5_000 },
  ).catch(() => false);
  const { negotiated } = await speaker.status();
  if (!isAsked) {
    assert.equal(negotiated?.enhancedRouteRefresh, false);
    return {
      refresh: `sends nothing after \`${command}\``,
      "enhanced-refresh": "does not offer it",
    };
  }
  const after = await speaker.waitFor(
    "all routes were sent again",
    ({ counters }) => counters.prefixesAdvertised === before.prefixesAdvertised + 10_000,
  );
  await stage.waitForCount(10_000);
  const sent = after.counters.routeRefreshesSent - before.routeRefreshesSent;
  assert.equal(negotiated?.enhancedRouteRefresh, true);
  // Begin and end, of each family that was asked for.
  assert.ok(sent === 2 || sent === 4, `${sent} ROUTE-REFRESH messages sent`);
  const complaint = /route refresh: .*not.*/.exec(await stage.router.history())?.[0];
  return {
    refresh: "yes",
    "enhanced-refresh": complaint === undefined ? "yes" : `logs \`${complaint}\``,
  };
}

async function withdraw(stage: Stage, speaker: BgpSpeaker): Promise<void> {
  const before = (await speaker.status()).counters;
  await speaker.request({ type: "routes", routes: { count: 9_999 } });
  await stage.waitForCount(9_999);
  const after = (await speaker.status()).counters;
  assert.equal(after.updatesSent - before.updatesSent, 1);
  await speaker.request({ type: "routes", routes: [] });
  await stage.waitForCount(0);
  assert.ok((await stage.router.neighbour()).isUp);
}
