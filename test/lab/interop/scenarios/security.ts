import assert from "node:assert/strict";
import { pause } from "../../../../lab/wait.ts";
import { kernelCounter } from "../../../support/kernel-counter.ts";
import type { RouterSettings } from "../../../support/routers/router.ts";
import type { Scenario, Stage } from "../stage.ts";

export const wrongAsn: Scenario = {
  name: "wrong AS number",
  settings: {},
  rows: ["wrong-asn"],
  async run(stage) {
    const speaker = await stage.speaker({ localAsn: 64999 });
    const { lastError } = await speaker.waitFor(
      "the router's answer",
      (status) => status.lastError?.kind === "notification-received",
    );
    const text = lastError?.text ?? "";
    return { "wrong-asn": text.includes("2/2 OPEN Message Error, Bad Peer AS") ? "yes" : text };
  },
};

export const md5: Scenario = {
  name: "TCP MD5",
  settings: { password: "s3cret" },
  rows: ["md5", "md5-wrong"],
  async run(stage) {
    const { password: _right, ...withoutKey } = stage.settings;
    await assertDropped(stage, { ...withoutKey, password: "other" }, "TCPMD5Failure");
    await assertDropped(stage, withoutKey, "TCPMD5NotFound");
    const speaker = await stage.speaker();
    await speaker.request({ type: "routes", routes: { count: 1 } });
    await stage.waitUntilUp();
    await stage.waitForCount(1);
    return { md5: "yes", "md5-wrong": "yes" };
  },
};

/** The router's kernel drops every segment of a speaker with these settings, and counts that. */
async function assertDropped(
  stage: Stage,
  settings: RouterSettings,
  counter: string,
): Promise<void> {
  const before = await kernelCounter(stage.link.place.namespace, counter);
  const speaker = await stage.link.speaker(settings, { connectTimeSeconds: 1 });
  const { lastError } = await speaker.waitFor(
    "no answer",
    (status) => status.lastError?.kind === "connect-timeout",
  );
  assert.match(lastError?.text ?? "", /does the password match/);
  assert.ok((await kernelCounter(stage.link.place.namespace, counter)) > before, counter);
  assert.ok(!(await stage.router.neighbour()).isUp);
  await speaker[Symbol.asyncDispose]();
}

export const gtsm: Scenario = {
  name: "GTSM",
  settings: { ttlSecurity: true },
  rows: ["gtsm", "gtsm-one-sided"],
  async run(stage) {
    const speaker = await stage.speaker();
    await speaker.request({ type: "routes", routes: { count: 1 } });
    await stage.waitUntilUp();
    await stage.waitForCount(1);
    await speaker.request({ type: "close", text: "" });
    await stage.waitUntilDown();
    // Last: the router does not hear either that this one closes its connections.
    const plain = await stage.link.speaker({ ...stage.settings, ttlSecurity: false });
    // Long enough for a session: one takes some 50 ms here.
    await pause(3_000);
    const { isUp } = await stage.router.neighbour();
    await plain[Symbol.asyncDispose]();
    return { gtsm: "yes", "gtsm-one-sided": isUp ? "takes packets of TTL 64" : "yes" };
  },
};
