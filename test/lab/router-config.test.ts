import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import type { Instance } from "../../lab/instance.ts";
import { runIn } from "../../lab/namespaces.ts";
import { LabProcess } from "../../lab/processes.ts";
import { Router } from "../../lab/router.ts";
import { waitFor } from "../../lab/wait.ts";
import { runCommand } from "../cli/run-command.ts";
import type { WrittenPeer } from "../support/bgp-speaker.ts";
import {
  kernelRoute,
  linkNodes,
  nodeLink,
  startNodeSpeakers,
  waitForNextHops,
} from "../support/node-link.ts";

const password = "correct-horse-battery-staple";
const serviceRoutes = ["172.16.7.192/32", "fd00:8::7/128"];
const strayRoutes = ["198.51.100.1/32", "fd00:9::1/128"];

/** What a user has: a password in a Secret, BFD, both families. `more` is of the peer's entry. */
function configuration(more: string): string {
  return `peers:
- {my-asn: 64522, hold-time: 9s, ${more}}
address-pools:
- {name: p, protocol: bgp, addresses: [172.16.7.192/26, "fd00:8::/120"]}
bfd-profiles:
- {name: fast, receive-interval: 300, transmit-interval: 300, minimum-ttl: 64}
`;
}

function nodeManifest({ name, ipv4, ipv6 }: (typeof linkNodes)[number]): string {
  const addresses = [ipv4, ipv6].map((address) => ({ type: "InternalIP", address }));
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name },
    status: { addresses },
  });
}

/** What `routelb router-config` prints, with the password filled in as its comment says. */
async function generate(
  instance: Instance,
  entry: string,
  ...flags: readonly string[]
): Promise<string> {
  const folder = instance.path("cluster");
  await mkdir(folder, { recursive: true });
  for (const node of linkNodes) {
    await writeFile(`${folder}/${node.name}.json`, nodeManifest(node));
  }
  const file = instance.path("config.yaml");
  await writeFile(file, configuration(entry));
  const { code, out, error } = await runCommand(["router-config", file, "-f", folder, ...flags]);
  assert.equal(error, "");
  assert.equal(code, 0);
  return out.replaceAll("REPLACE-WITH-THE-PASSWORD", password);
}

async function startBird(
  instance: Instance,
  namespace: string,
  config: string,
): Promise<{ process: LabProcess; ask: (command: string) => Promise<string> }> {
  await mkdir(instance.path("bird"));
  const path = (name: string) => instance.path("bird", name);
  await writeFile(path("bird.conf"), config);
  const process = await LabProcess.start({
    name: "bird",
    namespace,
    command: ["bird", "-f", "-c", path("bird.conf"), "-s", path("ctl"), "-P", path("pid")],
    logFile: path("bird.log"),
  });
  const ask = (command: string) =>
    runIn(namespace, "birdc", ["-s", path("ctl"), ...command.split(" ")]);
  return { process, ask };
}

/** One BFD session for each node, with the values of the profile `fast`. */
async function startBfd(
  instance: Instance,
  namespace: string,
  remoteAddress: string,
  multihop: boolean,
): Promise<LabProcess> {
  const peers = linkNodes.map(({ name, ipv4, ipv6 }) => ({
    key: name,
    localAddress: remoteAddress.includes(":") ? ipv6 : ipv4,
    remoteAddress,
    multihop,
    minimumTtl: 64,
    transmitIntervalMs: 300,
    receiveIntervalMs: 300,
    detectMultiplier: 3,
    passive: false,
  }));
  return LabProcess.start({
    name: "bfd",
    namespace,
    command: [process.execPath, "test/support/bfd-process.ts", JSON.stringify(peers)],
    logFile: instance.path("bfd.log"),
  });
}

/** Every session of BFD is up as both ends say, and each Service's route has all nodes as next hops. */
async function checkLink(
  link: Awaited<ReturnType<typeof nodeLink>>,
  peer: Omit<WrittenPeer, "localAsn" | "sourceAddress">,
  bfd: { readonly multihop: boolean; readonly upAtRouter: () => Promise<number> } | undefined,
): Promise<void> {
  const { instance, speakers, router } = link;
  await using stack = new AsyncDisposableStack();
  const written = { localAsn: 64522, holdTimeSeconds: 9, ...peer };
  const processes = await startNodeSpeakers(link, written, [...serviceRoutes, ...strayRoutes]);
  for (const process of processes) {
    stack.use(process);
  }
  for (const route of serviceRoutes) {
    await waitForNextHops(router, route);
  }
  for (const route of strayRoutes) {
    assert.equal(await kernelRoute(router, route), "", "what is no Service's address is filtered");
  }
  for (const speaker of processes) {
    const { counters } = await speaker.status();
    assert.equal(counters.prefixesReceived, 0, "the router sends nothing");
  }
  if (bfd !== undefined) {
    stack.use(await startBfd(instance, speakers, peer.peerAddress, bfd.multihop));
    await waitFor(async () => (await bfd.upAtRouter()) === linkNodes.length || undefined, {
      what: "BFD is up at the router for each node",
      timeoutMs: 60_000,
    });
    const log = await readFile(instance.path("bfd.log"), "utf8");
    assert.equal(log.match(/"to":"Up"/g)?.length, linkNodes.length, log);
  }
}

async function startFrr(instance: Instance, namespace: string, config: string): Promise<Router> {
  return Router.start({ namespace, directory: instance.path("frr"), config, bfd: true });
}

/** FRR's own reading of a file, as a user loads it; it names what it does not understand. */
async function loadFrr(frr: Router, instance: Instance, config: string): Promise<void> {
  const file = instance.path("generated.conf");
  await writeFile(file, config);
  const said = await frr.load(file);
  assert.doesNotMatch(said, /Unknown command|% |rror/, said);
}

/** BFD sessions of one kind that FRR has as up. */
async function bfdUp(frr: Router, multihop: boolean): Promise<number> {
  const text = JSON.stringify(await frr.vtyshJson("show bfd peers json"));
  const peers = text.match(/"multihop":(?:true|false)[^{}]*?"status":"up"/g) ?? [];
  return peers.filter((peer) => peer.startsWith(`"multihop":${multihop}`)).length;
}

const secret = "password-secret: {name: routelb-peers, key: rack-a}";

test("FRR: far side, several hops, MD5, BFD, both families", async () => {
  const link = await nodeLink("rcfrrfar");
  await using instance = link.instance;
  await using frr = await startFrr(instance, link.router, "");
  const entry = `peer-asn: 64512, peer-address: 172.16.9.1, ebgp-multihop: true, bfd-profile: fast, ${secret}`;
  await loadFrr(frr, instance, await generate(instance, entry, "--dialect", "frr"));
  const upAtRouter = () => bfdUp(frr, true);
  await checkLink(
    link,
    { peerAsn: 64512, peerAddress: "172.16.9.1", password },
    { multihop: true, upAtRouter },
  );
});

test("FRR: a listen range, GTSM, BFD on the link, an IPv6 session", async () => {
  const link = await nodeLink("rcfrrrange");
  await using instance = link.instance;
  await using frr = await startFrr(instance, link.router, "");
  const entry = `peer-asn: 64512, peer-address: "fd00:7::1", ttl-security: 1, bfd-profile: fast`;
  const flags = ["--dialect", "frr", "--listen-range", "fd00:7::/64"];
  await loadFrr(frr, instance, await generate(instance, entry, ...flags));
  const upAtRouter = () => bfdUp(frr, false);
  await checkLink(
    link,
    { peerAsn: 64512, peerAddress: "fd00:7::1", ttlSecurityHops: 1 },
    { multihop: false, upAtRouter },
  );
});

test("FRR: internal sessions, with BFD on the link", async () => {
  const link = await nodeLink("rcfrrint");
  await using instance = link.instance;
  await using frr = await startFrr(instance, link.router, "");
  const entry = "peer-asn: internal, peer-address: 172.16.7.1, bfd-profile: fast";
  await loadFrr(frr, instance, await generate(instance, entry, "--dialect", "frr"));
  const upAtRouter = () => bfdUp(frr, false);
  await checkLink(
    link,
    { peerAsn: "internal", peerAddress: "172.16.7.1" },
    { multihop: false, upAtRouter },
  );
});

test("BIRD: internal sessions to the far side, with BFD over several hops", async () => {
  const link = await nodeLink("rcbirdint");
  await using instance = link.instance;
  const entry = "peer-asn: internal, peer-address: 172.16.9.1, bfd-profile: fast";
  const config = await generate(instance, entry, "--dialect", "bird");
  const { process, ask } = await startBird(instance, link.router, config);
  await using _ = process;
  const upAtRouter = async () => (await ask("show bfd sessions")).match(/\bUp\b/g)?.length ?? 0;
  await checkLink(
    link,
    { peerAsn: "internal", peerAddress: "172.16.9.1" },
    { multihop: true, upAtRouter },
  );
});

test("BIRD: the link, MD5, BFD, both families", async () => {
  const link = await nodeLink("rcbird");
  await using instance = link.instance;
  const entry = `peer-asn: 64512, peer-address: 172.16.7.1, bfd-profile: fast, ${secret}`;
  const config = await generate(instance, entry, "--dialect", "bird");
  const { process, ask } = await startBird(instance, link.router, config);
  await using _ = process;
  const upAtRouter = async () => (await ask("show bfd sessions")).match(/\bUp\b/g)?.length ?? 0;
  await checkLink(
    link,
    { peerAsn: 64512, peerAddress: "172.16.7.1", password },
    { multihop: false, upAtRouter },
  );
});

test("BIRD: a listen range, GTSM, an IPv6 session", async () => {
  const link = await nodeLink("rcbirdrange");
  await using instance = link.instance;
  const flags = ["--dialect", "bird", "--listen-range", "fd00:7::/64"];
  const entry = `peer-asn: 64512, peer-address: "fd00:7::1", ttl-security: 1`;
  const config = await generate(instance, entry, ...flags);
  const { process } = await startBird(instance, link.router, config);
  await using _ = process;
  await checkLink(
    link,
    { peerAsn: 64512, peerAddress: "fd00:7::1", ttlSecurityHops: 1 },
    undefined,
  );
});
