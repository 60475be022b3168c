import assert from "node:assert/strict";
import { link } from "../../../support/routers/router.ts";
import type { Scenario } from "../stage.ts";
import { assertAgreed } from "./routes.ts";

const ipv4Prefix = "172.16.7.192/32";
const ipv6Prefix = "2001:db8:7::1/128";
const both = { type: "routes", routes: [{ prefix: ipv4Prefix }, { prefix: ipv6Prefix }] } as const;

export const overIpv6: Scenario = {
  name: "IPv6 transport",
  settings: { transport: "ipv6" },
  rows: ["ipv6", "ipv4-over-ipv6"],
  async run(stage) {
    const speaker = await stage.speaker();
    await speaker.request(both);
    await assertAgreed(stage, speaker, await stage.waitUntilUp());
    const ipv6 = await stage.waitForRoute(ipv6Prefix);
    assert.equal(ipv6.nextHops[0], link.ipv6.speaker);
    const ipv4 = await stage.waitForRoute(ipv4Prefix);
    assert.deepEqual(ipv4.nextHops, [link.ipv4.speaker]);
    return { ipv6: "yes", "ipv4-over-ipv6": "yes" };
  },
};

export const extendedNextHop: Scenario = {
  name: "IPv6 alone on the link",
  settings: { transport: "ipv6-only", extendedNextHop: true },
  rows: ["extended-next-hop"],
  async run(stage) {
    const speaker = await stage.speaker();
    await speaker.request(both);
    await stage.waitForRoute(ipv6Prefix);
    const { negotiated, withheld } = await speaker.status();
    if (negotiated?.extendedNextHop !== true) {
      assert.deepEqual(
        withheld.map(({ reason }) => reason),
        ["no-next-hop"],
      );
      assert.equal(await stage.router.route(ipv4Prefix), undefined);
      return { "extended-next-hop": "does not offer it; the speaker withholds the route" };
    }
    const ipv4 = await stage.waitForRoute(ipv4Prefix);
    assert.equal(ipv4.nextHops[0], link["ipv6-only"].speaker);
    return { "extended-next-hop": "yes" };
  },
};

export const linkLocal: Scenario = {
  name: "link-local transport",
  settings: { transport: "link-local" },
  rows: ["link-local"],
  async run(stage) {
    const speaker = await stage.speaker();
    await speaker.request(both);
    await stage.waitUntilUp();
    const { nextHops } = await stage.waitForRoute(ipv6Prefix);
    const [global, ...others] = nextHops;
    const isWanted =
      global === link.ipv6.speaker &&
      others.every((address) => address === link["link-local"].speaker);
    return {
      "link-local": isWanted ? "yes" : `shows next hop \`${nextHops.join(" ")}\``,
    };
  },
};
