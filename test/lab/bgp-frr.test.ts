import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { at, isList, type Json, numberAt, textAt } from "../../lab/kube/json.ts";
import { configure } from "../../lab/namespaces.ts";
import { waitFor } from "../../lab/wait.ts";
import type { BgpSpeaker, WrittenPeer } from "../support/bgp-speaker.ts";
import { countDscp } from "../support/dscp-counts.ts";
import { FrrLink } from "../support/frr-link.ts";
import { kernelCounter } from "../support/kernel-counter.ts";

const neighbour = "172.16.7.11";

async function neighbourJson({ frr }: FrrLink, name = neighbour): Promise<Json | undefined> {
  return at(await frr.vtyshJson(`show bgp neighbors ${name} json`), name);
}

async function acceptedPrefixes(link: FrrLink): Promise<number | undefined> {
  const json = await neighbourJson(link);
  return numberAt(json, "addressFamilyInfo", "ipv4Unicast", "acceptedPrefixCounter");
}

function waitForPrefixes(link: FrrLink, count: number): Promise<number> {
  return waitFor(async () => ((await acceptedPrefixes(link)) === count ? count : undefined), {
    what: `FRR has ${count} prefixes`,
    timeoutMs: 30_000,
    intervalMs: 20,
  });
}

/** The only path that FRR has to `prefix`. */
async function path({ frr }: FrrLink, family: string, prefix: string): Promise<Json | undefined> {
  return waitFor(
    async () => {
      const json = await frr.vtyshJson(`show bgp ${family} unicast ${prefix} json`);
      const paths = at(json, "paths");
      return isList(paths) ? paths[0] : undefined;
    },
    { what: `FRR has ${prefix}`, timeoutMs: 20_000 },
  );
}

function inSync(speaker: BgpSpeaker) {
  return speaker.waitFor(
    "the router has every route",
    ({ synced, pending, withheld }) => synced && pending + withheld.length === 0,
  );
}

function isUp(speaker: BgpSpeaker) {
  return speaker.waitFor("the session is up", ({ state }) => state === "Established");
}

test("FRR sees every attribute of IPv4 and IPv6 routes, and the text of the shutdown", async () => {
  await using link = await FrrLink.start("bgpattr");
  const speaker = await link.speaker();
  const attributes = {
    med: 7,
    prepend: 2,
    communities: [0xffff_0000, 64512 * 0x1_0000 + 1],
    largeCommunities: [[64512, 1, 2]] as const,
    linkBandwidth: 3_000_000,
  };
  const routes = [{ prefix: "172.16.7.192/32", attributes }, { prefix: "2001:db8:7::1/128" }];
  await speaker.request({ type: "routes", routes });
  await inSync(speaker);

  const ipv4 = await path(link, "ipv4", "172.16.7.192/32");
  assert.equal(textAt(ipv4, "aspath", "string"), "64522 64522 64522");
  assert.equal(textAt(ipv4, "origin"), "incomplete");
  assert.equal(numberAt(ipv4, "metric"), 7);
  assert.equal(textAt(ipv4, "community", "string"), "64512:1 graceful-shutdown");
  assert.equal(textAt(ipv4, "largeCommunity", "string"), "64512:1:2");
  assert.match(textAt(ipv4, "extendedCommunity", "string") ?? "", /^LB:64522:3000000 /);
  assert.match(JSON.stringify(at(ipv4, "nexthops")), /"ip":"172.16.7.11"/);
  const ipv6 = await path(link, "ipv6", "2001:db8:7::1/128");
  assert.match(JSON.stringify(at(ipv6, "nexthops")), /"ip":"fd00:7::11".*"scope":"global"/);
  assert.equal(textAt(await neighbourJson(link), "hostname"), "node1");

  await speaker.request({ type: "close", text: "node1 drains" });
  const closed = await neighbourJson(link);
  assert.equal(textAt(closed, "lastShutdownDescription"), "node1 drains");
  assert.equal(textAt(closed, "lastErrorCodeSubcode"), "0602");
});

test("FRR takes 10,000 routes, each change of them, a refresh, and their withdrawal", async () => {
  await using link = await FrrLink.start("bgpmany");
  const speaker = await link.speaker();
  await speaker.request({ type: "routes", routes: { count: 10_000 } });
  await waitForPrefixes(link, 10_000);

  // End-of-RIB is an UPDATE, too, and may follow when the router has all routes.
  const before = (await inSync(speaker)).counters;
  await speaker.request({ type: "routes", routes: { count: 9_999 } });
  await waitForPrefixes(link, 9_999);
  const after = (await speaker.status()).counters;
  assert.equal(after.updatesSent - before.updatesSent, 1, "one route less is one UPDATE");

  await link.frr.vtysh(`clear bgp ipv4 unicast ${neighbour} soft in`);
  await speaker.waitFor(
    "all routes were sent again, between the begin and the end of the refresh",
    ({ counters }) =>
      counters.prefixesAdvertised === 10_000 + 9_999 && counters.routeRefreshesSent === 2,
  );
  await waitForPrefixes(link, 9_999);

  await speaker.request({ type: "routes", routes: [] });
  await waitForPrefixes(link, 0);
  assert.equal(textAt(await neighbourJson(link), "bgpState"), "Established");
});

test("an internal FRR sees LOCAL_PREF and an empty AS_PATH", async () => {
  await using link = await FrrLink.start("bgpinternal", { speakerAsn: 64512 });
  const speaker = await link.speaker({ localAsn: 64512, peerAsn: "internal" });
  const attributes = { localPref: 250, prepend: 2, linkBandwidth: 1_000_000 };
  await speaker.request({
    type: "routes",
    routes: [{ prefix: "172.16.7.192/32", attributes }],
  });
  await inSync(speaker);
  const seen = await path(link, "ipv4", "172.16.7.192/32");
  assert.equal(numberAt(seen, "locPrf"), 250);
  assert.equal(textAt(seen, "aspath", "string"), "Local");
  assert.match(textAt(seen, "extendedCommunity", "string") ?? "", /^LB:64512:1000000 /);
});

test("FRR and a speaker of four-octet AS numbers", async () => {
  await using link = await FrrLink.start("bgpasn", { speakerAsn: 4_200_000_001 });
  const speaker = await link.speaker({ localAsn: 4_200_000_001, peerAsn: "external" });
  await speaker.request({ type: "routes", routes: [{ prefix: "172.16.7.192/32" }] });
  await inSync(speaker);
  const seen = await path(link, "ipv4", "172.16.7.192/32");
  assert.equal(textAt(seen, "aspath", "string"), "4200000001");
});

test("an IPv6 session carries both families; IPv4 routes keep the Node's IPv4 next hop", async () => {
  const lines = ["neighbor fd00:7::11 remote-as 64522", "neighbor fd00:7::11 timers 3 9"];
  await using link = await FrrLink.start("bgpsix", { lines });
  await link.frr.configure(
    "router bgp 64512",
    "address-family ipv6 unicast",
    "neighbor fd00:7::11 activate",
  );
  const speaker = await link.speaker({ peerAddress: "fd00:7::1" });
  await speaker.request({
    type: "routes",
    routes: [{ prefix: "172.16.7.192/32" }, { prefix: "2001:db8:7::1/128" }],
  });
  await inSync(speaker);
  const ipv4 = await path(link, "ipv4", "172.16.7.192/32");
  assert.match(JSON.stringify(at(ipv4, "nexthops")), /"ip":"172.16.7.11"/);
  const ipv6 = await path(link, "ipv6", "2001:db8:7::1/128");
  assert.match(JSON.stringify(at(ipv6, "nexthops")), /"ip":"fd00:7::11"/);
});

test("a link-local session sends the Node's global next hop with the link-local one", async () => {
  await using link = await FrrLink.start("bgplinklocal");
  await link.frr.configure(
    "router bgp 64512",
    "neighbor fe80::7:11 remote-as 64522",
    "neighbor fe80::7:11 timers 3 9",
    "neighbor fe80::7:11 interface eth0",
    "address-family ipv6 unicast",
    "neighbor fe80::7:11 activate",
  );
  // FRR 8.4 takes a link-local neighbour for reachable only when its link next comes up.
  await configure(link.namespace, [
    "link set eth0 down",
    "link set eth0 up",
    "addr add fd00:7::11/64 dev eth0",
    "addr add fe80::7:11/64 dev eth0",
  ]);
  const speaker = await link.speaker({ peerAddress: "fe80::7:1%eth0" });
  await speaker.request({ type: "routes", routes: [{ prefix: "2001:db8:7::1/128" }] });
  await inSync(speaker);
  // The global address is listed once the kernel has seen the link come up.
  const nextHops = await waitFor(
    async () => {
      const ipv6 = await path(link, "ipv6", "2001:db8:7::1/128");
      const text = JSON.stringify(at(ipv6, "nexthops"));
      return text.includes('"ip":"fd00:7::11"') ? text : undefined;
    },
    { what: "FRR has the global next hop", timeoutMs: 10_000 },
  );
  assert.match(nextHops, /"ip":"fe80::7:11".*"scope":"link-local"/);
});

test("FRR dials, too: one of the two connections lives, whichever it is", async () => {
  await using link = await FrrLink.start("bgpcollide");
  await link.frr.configure("router bgp 64512", `no neighbor ${neighbour} passive`);
  for (const routerId of ["1.1.1.1", "223.1.1.1"]) {
    const speaker = await link.speaker({ routerId }, { listenPort: 179 });
    await speaker.request({ type: "routes", routes: { count: 3 } });
    await waitForPrefixes(link, 3);
    assert.equal((await inSync(speaker)).state, "Established");
    await speaker[Symbol.asyncDispose]();
  }
});

test("on a connection that the router opened, every packet of ours has DSCP CS6, the first one, too", async () => {
  await using link = await FrrLink.start("bgpdscpin");
  // Where nobody listens yet, the kernel refuses by itself, without DSCP.
  const counts = await countDscp(link.router, "tcp sport 179 tcp flags & rst == 0");
  const dials = [
    { count: 4, lines: [`no neighbor ${neighbour} passive`] },
    {
      count: 5,
      lines: [
        `neighbor ${neighbour} passive`,
        "neighbor fd00:7::11 remote-as 64522",
        "neighbor fd00:7::11 timers connect 1",
      ],
    },
  ];
  for (const { count, lines } of dials) {
    await link.frr.configure("router bgp 64512", ...lines);
    await using onlyHears = await link.speaker({ peerPort: 180 }, { listenPort: 179 });
    await onlyHears.request({ type: "routes", routes: { count } });
    await path(link, "ipv4", `10.0.0.${count - 1}/32`);
    assert.equal((await inSync(onlyHears)).state, "Established");
  }
  const { ip, ip6 } = await counts();
  assert.ok(ip.cs6 > 4 && ip6.cs6 > 4, `${ip.cs6} ${ip6.cs6}`);
  assert.deepEqual([ip.other, ip6.other], [0, 0]);
});

test("each failure tells its cause: another AS, no neighbour, refused, no answer", async () => {
  await using link = await FrrLink.start("bgpfailures");
  const wrongAsn = await link.speaker({ localAsn: 64999 });
  const refusedOpen = await wrongAsn.waitFor("the AS is wrong", ({ lastError }) => !!lastError);
  assert.equal(
    refusedOpen.lastError?.text,
    "the router sent NOTIFICATION 2/2 OPEN Message Error, Bad Peer AS (it expects another AS than my-asn; it saw 64999)",
  );
  await wrongAsn[Symbol.asyncDispose]();

  const wrongPeerAsn = await link.speaker({ peerAsn: 64513 });
  const judged = await wrongPeerAsn.waitFor("the AS is wrong", ({ lastError }) => !!lastError);
  assert.equal(
    judged.lastError?.text,
    "closed by this speaker with NOTIFICATION 2/2 OPEN Message Error, Bad Peer AS: the peer is of AS 64512, expected 64513 (we are AS 64522)",
  );
  await wrongPeerAsn[Symbol.asyncDispose]();

  await link.frr.configure("router bgp 64512", `no neighbor ${neighbour}`);
  const unknown = await link.speaker();
  const dropped = await unknown.waitFor("FRR drops us", ({ lastError }) => !!lastError);
  assert.match(
    dropped.lastError?.text ?? "",
    /in OpenSent \(is this speaker configured as a neigh/,
  );
  await unknown[Symbol.asyncDispose]();

  const refused = await link.speaker({ peerPort: 180 });
  const noBgp = await refused.waitFor("nobody listens", ({ lastError }) => !!lastError);
  assert.match(noBgp.lastError?.text ?? "", /^cannot connect: connection refused/);
});

test("a silent router is dropped after the Hold Time, and comes back by itself", async () => {
  await using link = await FrrLink.start("bgphold");
  const speaker = await link.speaker({ holdTimeSeconds: 3 });
  await speaker.request({ type: "routes", routes: { count: 3 } });
  await inSync(speaker);
  await configure(link.namespace, ["link set eth0 down"]);
  const started = performance.now();
  const down = await speaker.waitFor("the session is down", ({ state }) => state !== "Established");
  const seconds = (performance.now() - started) / 1000;
  assert.equal(down.lastError?.kind, "hold-timer-expired");
  assert.ok(seconds < 6, `${seconds} s`);
  await configure(link.namespace, ["link set eth0 up"]);
  await waitForPrefixes(link, 3);
});

test("TCP MD5: the right key gives a session, a wrong one an error that names it", async () => {
  await using link = await FrrLink.start("bgpmdfive", {
    lines: [`neighbor ${neighbour} password s3cret`],
  });
  const right = await link.speaker({ password: "s3cret" });
  await isUp(right);
  await right[Symbol.asyncDispose]();
  for (const password of ["other", undefined]) {
    const wrong = await link.speaker({ connectTimeSeconds: 1, ...(password && { password }) });
    const status = await wrong.waitFor("the key is wrong", ({ lastError }) => !!lastError);
    assert.equal(status.lastError?.kind, "connect-timeout");
    assert.match(status.lastError?.text ?? "", /does the password match/);
    await wrong[Symbol.asyncDispose]();
  }
  const log = await readFile(link.instance.path("bgp.log"), "utf8");
  assert.doesNotMatch(log, /s3cret/);
});

test("TCP MD5 and GTSM over IPv6", async () => {
  const lines = [
    "neighbor fd00:7::11 remote-as 64522",
    "neighbor fd00:7::11 password s3cret",
    "neighbor fd00:7::11 ttl-security hops 2",
  ];
  await using link = await FrrLink.start("bgpmdsix", { lines });
  const far = { peerAddress: "fd00:7::1", password: "s3cret", ttlSecurityHops: 2 };
  await isUp(await link.speaker(far));
});

test("GTSM: a session of TTL 255 on both sides", async () => {
  await using link = await FrrLink.start("bgpgtsm", {
    lines: [`neighbor ${neighbour} ttl-security hops 1`],
  });
  const speaker = await link.speaker({ ttlSecurityHops: 1 });
  await isUp(speaker);
  assert.equal(numberAt(await neighbourJson(link), "externalBgpNbrMaxHopsAway") ?? 1, 1);
});

test("GTSM on the speaker only: its kernel drops what FRR sends, until FRR sends TTL 255", async () => {
  const neighbours = [neighbour, "fd00:7::11"];
  await using link = await FrrLink.start("bgpgtsmhere", {
    lines: ["neighbor fd00:7::11 remote-as 64522", "neighbor fd00:7::11 passive"],
  });
  for (const [index, peerAddress] of ["172.16.7.1", "fd00:7::1"].entries()) {
    const before = await droppedForTtl(link);
    const refuses = await link.speaker({ peerAddress, ttlSecurityHops: 1 });
    // FRR's OPEN, and the same again while nobody acknowledges it.
    await waitFor(async () => (await droppedForTtl(link)) >= before + 3 || undefined, {
      what: `packets from ${peerAddress} are dropped`,
      timeoutMs: 20_000,
    });
    assert.equal((await refuses.status()).state, "OpenSent");
    await refuses[Symbol.asyncDispose]();
    await link.frr.configure(
      "router bgp 64512",
      `neighbor ${neighbours[index]} ttl-security hops 1`,
    );
    const takes = await link.speaker({ peerAddress, ttlSecurityHops: 1 });
    await isUp(takes);
    await takes[Symbol.asyncDispose]();
  }
});

/** TCP segments that the speaker's kernel found too low in TTL for their socket. */
async function droppedForTtl({ namespace }: FrrLink): Promise<number> {
  return kernelCounter(namespace, "TCPMinTTLDrop");
}

test("every packet that we send has DSCP CS6, the first one, too", async () => {
  const lines = ["neighbor fd00:7::11 remote-as 64522", "neighbor fd00:7::11 passive"];
  await using link = await FrrLink.start("bgpdscp", { lines });
  const counts = await countDscp(link.router, "tcp dport 179");
  /** One session over each family. */
  const speak = async (options: Partial<WrittenPeer>) => {
    for (const peerAddress of ["172.16.7.1", "fd00:7::1"]) {
      await using speaker = await link.speaker({ peerAddress, ...options });
      await speaker.request({ type: "routes", routes: { count: 3 } });
      await inSync(speaker);
    }
    const { ip, ip6 } = await counts();
    assert.deepEqual([ip.other, ip6.other], [0, 0]);
    return [ip.cs6, ip6.cs6];
  };
  const [ip = 0, ip6 = 0] = await speak({});
  assert.ok(ip > 4 && ip6 > 4, `${ip} ${ip6}`);
  // With an option that Node does not have, the socket is another one.
  const hops = [neighbour, "fd00:7::11"].map((to) => `neighbor ${to} ttl-security hops 1`);
  await link.frr.configure("router bgp 64512", ...hops);
  const [ipMore = 0, ip6More = 0] = await speak({ ttlSecurityHops: 1 });
  assert.ok(ipMore > ip + 4 && ip6More > ip6 + 4, `${ipMore} ${ip6More}`);
});

test("graceful restart: killed and back, or closed for a restart, the router keeps the routes", async () => {
  await using link = await FrrLink.start("bgpgraceful");
  const gracefulRestart = { restartTimeSeconds: 60 };
  const routes = { count: 3 };
  const first = await link.speaker({ gracefulRestart });
  await first.request({ type: "routes", routes });
  await inSync(first);
  await waitForPrefixes(link, 3);

  first.process.signal("SIGKILL");
  await first.process.exited;
  await staleRoutes(link, 3);
  const second = await link.speaker({ gracefulRestart });
  await isUp(second);
  assert.equal(await keptRoutes(link), 3, "no route goes before End-of-RIB");
  await second.request({ type: "routes", routes: { count: 2 } });
  await waitForPrefixes(link, 2);

  const answer = await second.request({ type: "close-for-restart" });
  assert.deepEqual(answer, { closed: true });
  await staleRoutes(link, 2);
  await second[Symbol.asyncDispose]();

  const booted = await link.speaker({ gracefulRestart }, { uptimeSeconds: 30 });
  await isUp(booted);
  await waitFor(async () => ((await keptRoutes(link)) === 0 ? true : undefined), {
    what: "after a boot the forwarding state is gone, and FRR drops the routes",
    timeoutMs: 10_000,
  });
});

async function routesJson({ frr }: FrrLink): Promise<string> {
  return JSON.stringify(at(await frr.vtyshJson("show bgp ipv4 unicast json"), "routes") ?? {});
}

async function keptRoutes(link: FrrLink): Promise<number> {
  return (await routesJson(link)).match(/"pathFrom":/g)?.length ?? 0;
}

function staleRoutes(link: FrrLink, count: number): Promise<true> {
  return waitFor(
    async () =>
      (await routesJson(link)).match(/"stale":true/g)?.length === count ? true : undefined,
    { what: `FRR keeps ${count} stale routes`, timeoutMs: 10_000 },
  );
}
