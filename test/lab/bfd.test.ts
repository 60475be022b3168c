import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { Instance } from "../../lab/instance.ts";
import { configure, connect, createNamespaces, runIn } from "../../lab/namespaces.ts";
import { LabProcess } from "../../lab/processes.ts";
import { Router } from "../../lab/router.ts";
import { waitFor } from "../../lab/wait.ts";
import type { BfdPeer } from "../../src/bfd/ports.ts";
import { countDscp } from "../support/dscp-counts.ts";
import type { HandMadePacket } from "../support/send-bfd.ts";

/** A speaker and a router on one link; the router has a far-side address, as in the scenario. */
async function link(id: string) {
  const instance = await Instance.open(id);
  const speaker = instance.namespace("speaker");
  const router = instance.namespace("router");
  await createNamespaces([speaker, router]);
  await connect([
    { from: { namespace: speaker, device: "eth0" }, to: { namespace: router, device: "eth0" } },
  ]);
  await configure(router, [
    "addr add 172.16.7.1/24 dev eth0",
    "addr add fd00:7::1/64 dev eth0",
    "addr add 172.16.9.1/32 dev lo",
    "link set eth0 up",
  ]);
  await configure(speaker, [
    "addr add 172.16.7.11/24 dev eth0",
    "addr add fd00:7::11/64 dev eth0",
    "link set eth0 up",
    "route add 172.16.9.0/24 via 172.16.7.1",
  ]);
  return { instance, speaker, router };
}

type Written = Omit<BfdPeer, "localAddress" | "remoteAddress"> & {
  readonly localAddress: string;
  readonly remoteAddress: string;
};

function peer(key: string, localAddress: string, remoteAddress: string, multihop = false): Written {
  // BIRD 2.0.12 sends multihop packets with the system's default TTL, which is 64.
  return {
    key,
    localAddress,
    remoteAddress,
    multihop,
    minimumTtl: 64,
    transmitIntervalMs: 300,
    receiveIntervalMs: 300,
    detectMultiplier: 3,
    passive: false,
  };
}

const peers = [
  peer("ipv4", "172.16.7.11", "172.16.7.1"),
  peer("ipv6", "fd00:7::11", "fd00:7::1"),
  peer("multihop", "172.16.7.11", "172.16.9.1", true),
];

/** What the speaker said last of each session. */
function lastStates(logFile: string): Record<string, unknown> {
  const lines = readFileSync(logFile, "utf8").split("\n").filter(Boolean);
  const changes = lines.map((line) => JSON.parse(line));
  return Object.fromEntries(changes.map((change) => [change.key, change.to ?? change.failure]));
}

async function startSpeaker(
  instance: Instance,
  namespace: string,
  sessions: readonly Written[] = peers,
): Promise<[LabProcess, string]> {
  const logFile = instance.path("speaker.log");
  const speaker = await LabProcess.start({
    name: "speaker",
    namespace,
    command: [process.execPath, "test/support/bfd-process.ts", JSON.stringify(sessions)],
    logFile,
  });
  return [speaker, logFile];
}

function all(state: string): Record<string, string> {
  return { ipv4: state, ipv6: state, multihop: state };
}

async function waitForStates(logFile: string, wanted: Record<string, string>): Promise<void> {
  await waitFor(() => isDeepStrictEqual(lastStates(logFile), wanted) || undefined, {
    what: `the speaker says ${JSON.stringify(wanted)}`,
    timeoutMs: 30_000,
  });
}

test("FRR: IPv4, IPv6 and multihop sessions come up, survive new timers, and see a cut and AdminDown", async () => {
  const { instance, speaker, router } = await link("bfdfrr");
  await using _ = instance;
  await using frr = await Router.start({
    namespace: router,
    directory: instance.path("frr"),
    config: "",
    bfd: true,
  });
  const timers = ["receive-interval 300", "transmit-interval 300", "detect-multiplier 3", "exit"];
  const frrPeers = [
    "peer 172.16.7.11",
    "peer fd00:7::11 local-address fd00:7::1",
    "peer 172.16.7.11 multihop local-address 172.16.9.1",
  ];
  await frr.configure("bfd", ...frrPeers.flatMap((line) => [line, ...timers]));
  const dscpCounts = await countDscp(router, "udp dport { 3784, 4784 }");
  const [process, logFile] = await startSpeaker(instance, speaker);
  await using __ = process;
  await waitForStates(logFile, all("Up"));
  const { ip, ip6 } = await dscpCounts();
  assert.ok(ip.cs6 > 0 && ip6.cs6 > 0, `${ip.cs6} ${ip6.cs6}`);
  assert.deepEqual([ip.other, ip6.other], [0, 0], "packets without DSCP CS6");

  const seenByFrr = JSON.stringify(await frr.vtyshJson("show bfd peers json"));
  assert.equal(seenByFrr.match(/"status":"up"/g)?.length, 3, seenByFrr);
  assert.equal(seenByFrr.match(/"remote-receive-interval":300/g)?.length, 3, seenByFrr);

  const changesBefore = readFileSync(logFile, "utf8").length;
  const faster = ["receive-interval 100", "transmit-interval 100", "exit"];
  await frr.configure("bfd", ...frrPeers.flatMap((line) => [line, ...faster]));
  const received = async (): Promise<number[]> => {
    const text = JSON.stringify(await frr.vtyshJson("show bfd peers counters json"));
    return Array.from(text.matchAll(/"control-packet-input":(\d+)/g), (match) => Number(match[1]));
  };
  const before = await received();
  await waitFor(
    async () =>
      (await received()).every((count, index) => count >= (before[index] ?? 0) + 20) || undefined,
    { what: "FRR receives 20 packets more of each session", timeoutMs: 30_000 },
  );
  const counters = JSON.stringify(await frr.vtyshJson("show bfd peers counters json"));
  assert.equal(counters.match(/"session-down":0/g)?.length, 3, counters);
  assert.equal(readFileSync(logFile, "utf8").length, changesBefore, "no flap by new timers");

  await configure(router, ["link set eth0 down"]);
  await waitForStates(logFile, all("Down"));
  await configure(router, ["link set eth0 up"]);
  await configure(router, ["addr replace fd00:7::1/64 dev eth0"]);
  await waitForStates(logFile, all("Up"));

  process.signal("SIGUSR1");
  await waitForStates(logFile, all("AdminDown"));
  await waitFor(
    async () => {
      const text = JSON.stringify(await frr.vtyshJson("show bfd peers json"));
      const told = text.match(/"remote-diagnostic":"administratively down"/g)?.length === 3;
      return told || undefined;
    },
    { what: "FRR was told that we are administratively down", timeoutMs: 10_000 },
  );
});

test("BIRD: IPv4, IPv6 and multihop sessions come up and see a cut", async () => {
  const { instance, speaker, router } = await link("bfdbird");
  await using _ = instance;
  await mkdir(instance.path("bird"));
  const config = instance.path("bird", "bird.conf");
  const timers = "interval 300 ms; multiplier 3;";
  await writeFile(
    config,
    `router id 172.16.9.1;
protocol device {}
protocol bfd {
  interface "eth0" { ${timers} };
  multihop { ${timers} };
  neighbor 172.16.7.11 dev "eth0";
  neighbor fd00:7::11 dev "eth0";
  neighbor 172.16.7.11 local 172.16.9.1 multihop on;
}
`,
  );
  const control = instance.path("bird", "bird.ctl");
  await using __ = await LabProcess.start({
    name: "bird",
    namespace: router,
    command: ["bird", "-f", "-c", config, "-s", control, "-P", instance.path("bird", "bird.pid")],
    logFile: instance.path("bird", "bird.log"),
  });
  const [process, logFile] = await startSpeaker(instance, speaker);
  await using ___ = process;
  await waitForStates(logFile, all("Up"));
  await waitFor(
    async () => {
      const shown = await runIn(router, "birdc", ["-s", control, "show", "bfd", "sessions"]);
      return shown.match(/\bUp\b/g)?.length === 3 || undefined;
    },
    { what: "BIRD shows three sessions Up", timeoutMs: 20_000 },
  );
  await configure(router, ["link set eth0 down"]);
  await waitForStates(logFile, all("Down"));
});

/** A packet with `least` as its TTL counts, one with less does not. */
const ttlCases = [
  { key: "single-hop IPv4", from: "172.16.7.1", to: "172.16.7.11", least: 255 },
  { key: "single-hop IPv6", from: "fd00:7::1", to: "fd00:7::11", least: 255 },
  { key: "near IPv4", from: "172.16.9.1", to: "172.16.7.11", least: 250, multihop: true },
  { key: "far IPv4", from: "172.16.9.2", to: "172.16.7.11", least: 64, multihop: true },
  { key: "near IPv6", from: "fd00:9::1", to: "fd00:7::11", least: 250, multihop: true },
  { key: "far IPv6", from: "fd00:9::2", to: "fd00:7::11", least: 64, multihop: true },
];

test("a packet whose TTL is lower than its session's minimum is not heard", async () => {
  const { instance, speaker, router } = await link("bfdttl");
  await using _ = instance;
  const farAddresses = ["172.16.9.2/32", "fd00:9::1/128", "fd00:9::2/128"];
  await configure(
    router,
    farAddresses.map((address) => `addr add ${address} dev lo`),
  );
  await configure(speaker, ["route add fd00:9::/64 via fd00:7::1"]);
  const sessions = ttlCases.map(({ key, from, to, least, multihop }) => ({
    ...peer(key, to, from, multihop),
    minimumTtl: multihop ? least : 1,
  }));
  const [process, logFile] = await startSpeaker(instance, speaker, sessions);
  await using __ = process;
  const tooLow = 1;
  const enough = 2;
  const packets: HandMadePacket[] = ttlCases.flatMap(({ from, to, least, multihop }) =>
    [least - 1, least].map((ttl) => ({
      from,
      to,
      port: multihop ? 4784 : 3784,
      ttl,
      diagnostic: ttl < least ? tooLow : enough,
    })),
  );
  const heardFirst = () => firstHeard(logFile);
  await waitFor(
    async () => {
      const program = ["test/support/send-bfd.ts", JSON.stringify(packets)];
      await runIn(router, globalThis.process.execPath, program);
      return Object.keys(heardFirst()).length === ttlCases.length || undefined;
    },
    { what: "each session has heard a packet", timeoutMs: 20_000 },
  );
  const expected = ttlCases.map(({ key }) => [key, enough]);
  assert.deepEqual(heardFirst(), Object.fromEntries(expected));
});

/** By session: the diagnostic of the packet that moved it first. */
function firstHeard(logFile: string): Record<string, unknown> {
  const lines = readFileSync(logFile, "utf8").split("\n").filter(Boolean);
  const changes = lines.map((line) => JSON.parse(line)).toReversed();
  return Object.fromEntries(changes.map((change) => [change.key, change.remoteDiagnostic]));
}
