import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Capability } from "../../src/bgp/codec/capability.ts";
import { NotificationError } from "../../src/bgp/codec/error.ts";
import type { Open } from "../../src/bgp/codec/open.ts";
import { makeOpen, maxOctetsToPeer, negotiate, type OpenTerms } from "../../src/bgp/negotiate.ts";
import { makeAddress } from "../../src/net/address.ts";
import * as arbitrary from "../support/bgp-arbitraries.ts";

const terms: OpenTerms = {
  localAsn: 64522,
  peerAsn: 64512,
  holdTimeSeconds: 90,
  routerId: makeAddress("ipv4", 1n),
  families: ["ipv4", "ipv6"],
  offerExtendedNextHop: false,
  hostname: "node1",
};

function openWith(changes: Partial<Open> = {}, capabilities: readonly Capability[] = []): Open {
  const routerId = makeAddress("ipv4", 2n);
  return { type: "OPEN", asn: 64512, holdTimeSeconds: 30, routerId, capabilities, ...changes };
}

function refusal(terms: OpenTerms, open: Open): string {
  try {
    negotiate(terms, open);
  } catch (error) {
    assert.ok(error instanceof NotificationError, String(error));
    return `${error.code}/${error.subcode} ${Buffer.from(error.data).toString("hex")}`.trim();
  }
  return "accepted";
}

test("the smaller Hold Time counts, and Keepalive is a third of it, or less if so configured", () => {
  const times = (ours: number, theirs: number, keepaliveTimeSeconds?: number) => {
    const withTimes = {
      ...terms,
      holdTimeSeconds: ours,
      ...(keepaliveTimeSeconds !== undefined && { keepaliveTimeSeconds }),
    };
    const agreed = negotiate(withTimes, openWith({ holdTimeSeconds: theirs }));
    return [agreed.holdTimeSeconds, agreed.keepaliveTimeSeconds];
  };
  assert.deepEqual(times(90, 30), [30, 10]);
  assert.deepEqual(times(90, 180), [90, 30]);
  assert.deepEqual(times(90, 0), [0, 0]);
  assert.deepEqual(times(90, 90, 5), [90, 5]);
  assert.deepEqual(times(90, 9, 5), [9, 3]);
});

test("of several graceful restart capabilities the last counts (RFC 4724 §3)", () => {
  const restart = (restartTimeSeconds: number): Capability => ({
    type: "graceful-restart",
    restarted: false,
    notification: false,
    restartTimeSeconds,
    families: [{ afi: 1, safi: 1, forwarding: false }],
  });
  const ours = { restartTimeSeconds: 120, restarted: false, forwarding: true };
  const withRestart = { ...terms, gracefulRestart: ours };
  const agreed = negotiate(withRestart, openWith({}, [restart(60), restart(90)]));
  assert.deepEqual(agreed.gracefulRestart, {
    peerRestartTimeSeconds: 90,
    peerRestartsGracefully: true,
  });
});

test("a peer without capabilities speaks IPv4 with two-octet AS numbers", () => {
  const { families, fourOctetAsn, routeRefresh, extendedMessages } = negotiate(terms, openWith());
  assert.deepEqual(
    [families, fourOctetAsn, routeRefresh, extendedMessages],
    [["ipv4"], false, false, false],
  );
});

test("families are those that both sides offer", () => {
  const ipv6: Capability = { type: "multiprotocol", afi: 2, safi: 1 };
  const multicast: Capability = { type: "multiprotocol", afi: 1, safi: 2 };
  assert.deepEqual(negotiate(terms, openWith({}, [ipv6, multicast])).families, ["ipv6"]);
  const ipv4Only = { ...terms, families: ["ipv4"] as const };
  assert.equal(refusal(ipv4Only, openWith({}, [ipv6])), "2/7 010400010001");
});

test("the AS number of the four-octet capability counts", () => {
  const four: Capability = { type: "four-octet-asn", asn: 4_200_000_000 };
  const { peerAsn } = negotiate(
    { ...terms, peerAsn: 4_200_000_000 },
    openWith({ asn: 23456 }, [four]),
  );
  assert.equal(peerAsn, 4_200_000_000);
});

const peerAsns: readonly (readonly [OpenTerms["peerAsn"], number, string])[] = [
  [64512, 64512, "accepted"],
  [64512, 64513, "2/2 fc01"],
  ["external", 64513, "accepted"],
  ["external", 64522, "2/2 fc0a"],
  ["internal", 64522, "accepted"],
  ["internal", 64512, "2/2 fc00"],
  ["external", 0, "2/2 0000"],
  ["external", 23456, "2/2 5ba0"],
];

for (const [peerAsn, asn, expected] of peerAsns) {
  test(`peer-asn ${peerAsn} and a peer of AS ${asn}: ${expected}`, () => {
    assert.equal(refusal({ ...terms, peerAsn }, openWith({ asn })), expected);
  });
}

test("an equal BGP Identifier is refused from an internal peer only (RFC 6286)", () => {
  const routerId = terms.routerId;
  const internal = { ...terms, peerAsn: "internal" } as const;
  assert.equal(refusal(internal, openWith({ asn: 64522, routerId })), "2/3");
  assert.equal(refusal(terms, openWith({ routerId })), "accepted");
});

test("an IPv6 next hop for IPv4 needs our offer and theirs", () => {
  const entries = [{ afi: 1, safi: 1, nextHopAfi: 2 }];
  const open = openWith({}, [{ type: "extended-next-hop", entries }]);
  assert.equal(negotiate(terms, open).extendedNextHop, false);
  const offering = { ...terms, offerExtendedNextHop: true };
  assert.equal(negotiate(offering, open).extendedNextHop, true);
  assert.equal(negotiate(offering, openWith()).extendedNextHop, false);
  assert.ok(makeOpen(offering).capabilities.some(({ type }) => type === "extended-next-hop"));
});

test("extended messages raise the limit, if the peer takes them (RFC 8654)", () => {
  assert.equal(maxOctetsToPeer(negotiate(terms, openWith())), 4_096);
  const open = openWith({}, [{ type: "extended-message" }]);
  assert.equal(maxOctetsToPeer(negotiate(terms, open)), 65_535);
});

test("any OPEN is agreed with or refused with a NotificationError", () => {
  fc.assert(
    fc.property(arbitrary.open, (open) => {
      refusal({ ...terms, peerAsn: "external" }, open);
    }),
  );
});
