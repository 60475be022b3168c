import assert from "node:assert/strict";
import type { RouteAttributes } from "../../../../src/bgp/route.ts";
import { link, type SeenRoute } from "../../../support/routers/router.ts";
import type { Scenario, Stage } from "../stage.ts";

const plainPrefix = "172.16.7.192/32";
const richPrefix = "172.16.7.193/32";
const ipv6Prefix = "2001:db8:7::1/128";
const octetsPerSecond = 3_000_000;

const richAttributes: Partial<RouteAttributes> = {
  med: 7,
  prepend: 2,
  communities: [0xffff_0000, 64512 * 0x1_0000 + 1],
  largeCommunities: [[4_200_000_000, 1, 2]],
  linkBandwidth: octetsPerSecond,
};

/** `yes`, or what is seen instead of what is wanted. */
function compare(seen: unknown, wanted: unknown): string {
  const [shown, expected] = [JSON.stringify(seen), JSON.stringify(wanted)];
  return shown === expected ? "yes" : `shows ${shown}`;
}

function linkBandwidth(route: SeenRoute): string {
  return route.linkBandwidth === octetsPerSecond ? "yes" : `shows \`${route.extendedCommunities}\``;
}

/** Advertises a plain route, one with every attribute and an IPv6 one; resolves with what is seen. */
async function advertise(
  stage: Stage,
  changes: Partial<RouteAttributes> = {},
): Promise<Readonly<Record<"plain" | "rich" | "ipv6", SeenRoute>>> {
  const speaker = await stage.speaker();
  const attributes = { ...richAttributes, ...changes };
  await speaker.request({
    type: "routes",
    routes: [{ prefix: plainPrefix }, { prefix: richPrefix, attributes }, { prefix: ipv6Prefix }],
  });
  const plain = await stage.waitForRoute(plainPrefix);
  const rich = await stage.waitForRoute(richPrefix);
  const ipv6 = await stage.waitForRoute(ipv6Prefix);
  return { plain, rich, ipv6 };
}

export const attributes: Scenario = {
  name: "attributes",
  settings: {},
  rows: [
    "origin",
    "as-path",
    "prepend",
    "next-hop",
    "med",
    "communities",
    "large-communities",
    "link-bandwidth",
    "ipv6-over-ipv4",
  ],
  async run(stage) {
    const { plain, rich, ipv6 } = await advertise(stage);
    // No MED was sent: a router shows none, or 0.
    assert.equal(plain.med ?? 0, 0);
    assert.deepEqual([plain.communities, plain.largeCommunities], [[], []]);
    return {
      origin: compare(plain.origin, "incomplete"),
      "as-path": compare(plain.asPath, "64522"),
      prepend: compare(rich.asPath, "64522 64522 64522"),
      "next-hop": compare(plain.nextHops, [link.ipv4.speaker]),
      med: compare(rich.med, 7),
      communities: compare(rich.communities, ["64512:1", "65535:0"]),
      "large-communities": compare(rich.largeCommunities, ["4200000000:1:2"]),
      "link-bandwidth": linkBandwidth(rich),
      "ipv6-over-ipv4": compare(ipv6.nextHops, [link.ipv6.speaker]),
    };
  },
};

export const internal: Scenario = {
  name: "internal session",
  settings: { speakerAsn: 64512 },
  rows: ["internal", "local-pref", "link-bandwidth-internal"],
  async run(stage) {
    const { plain, rich } = await advertise(stage, { localPref: 250 });
    assert.equal(plain.localPref, 100);
    assert.equal(plain.asPath, "");
    return {
      internal: compare(rich.asPath, ""),
      "local-pref": compare(rich.localPref, 250),
      "link-bandwidth-internal": linkBandwidth(rich),
    };
  },
};

export const fourOctetAsn: Scenario = {
  name: "4-octet AS numbers",
  settings: { speakerAsn: 4_200_000_001, asn: 4_200_000_000 },
  rows: ["four-octet-asn"],
  async run(stage) {
    const { plain, rich } = await advertise(stage);
    const { remoteAsn } = await stage.router.neighbour();
    assert.equal(plain.asPath, "4200000001");
    assert.equal(remoteAsn, 4_200_000_001);
    return {
      "four-octet-asn": compare(rich.asPath, "4200000001 4200000001 4200000001"),
    };
  },
};
