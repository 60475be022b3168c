import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { Instance } from "../../lab/instance.ts";
import { configure, connect, createNamespaces, runIn } from "../../lab/namespaces.ts";
import { LabProcess } from "../../lab/processes.ts";
import { Router } from "../../lab/router.ts";
import { waitFor } from "../../lab/wait.ts";
import { BgpSpeaker } from "../support/bgp-speaker.ts";

/** The router configuration of the README in the fenced block that is marked `language`. */
function blockOf(language: string): string {
  const readme = readFileSync("README.md", "utf8");
  const block = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "ms").exec(readme)?.[1];
  assert.ok(block, `the README has a block marked ${language}`);
  return block;
}

const nodes = ["172.16.7.11", "172.16.7.12", "172.16.7.13"];
const serviceRoute = "172.16.7.192/32";

/** A router's namespace with the scenario's addresses, and one that has those of all three nodes. */
async function link(id: string) {
  const instance = await Instance.open(id);
  const speakers = instance.namespace("speakers");
  const router = instance.namespace("router");
  await createNamespaces([speakers, router]);
  await connect([
    { from: { namespace: speakers, device: "eth0" }, to: { namespace: router, device: "eth7" } },
  ]);
  await configure(router, [
    "addr add 172.16.7.1/24 dev eth7",
    "addr add 172.16.9.1/24 dev lo",
    "link set eth7 up",
  ]);
  await configure(speakers, [
    ...nodes.map((node) => `addr add ${node}/24 dev eth0`),
    "link set eth0 up",
    "route add 172.16.9.0/24 via 172.16.7.1",
  ]);
  return { instance, speakers, router };
}

/** Three speakers dial the far-side address and advertise one Service's address and a stray one. */
async function startSpeakers(instance: Instance, namespace: string): Promise<BgpSpeaker[]> {
  return Promise.all(
    nodes.map(async (node) => {
      const speaker = await BgpSpeaker.start(instance, namespace, node);
      await speaker.request({
        type: "start",
        peer: { localAsn: 64522, peerAsn: 64512, peerAddress: "172.16.9.1", sourceAddress: node },
        nodeAddresses: [node],
      });
      const routes = [{ prefix: serviceRoute }, { prefix: "198.51.100.1/32" }];
      await speaker.request({ type: "routes", routes });
      return speaker;
    }),
  );
}

async function waitForThreeNextHops(router: string): Promise<void> {
  await waitFor(
    async () => {
      const route = await runIn(router, "ip", ["route", "show", serviceRoute]);
      return nodes.every((node) => route.includes(`via ${node}`)) || undefined;
    },
    { what: `${serviceRoute} has three next hops in the router's kernel`, timeoutMs: 60_000 },
  );
  const stray = await runIn(router, "ip", ["route", "show", "198.51.100.1/32"]);
  assert.equal(stray, "", "what is no Service's address is filtered");
}

test("FRR with the README's block has one ECMP route and takes nothing else", async () => {
  const { instance, speakers, router } = await link("readmefrr");
  await using _ = instance;
  await using frr = await Router.start({
    namespace: router,
    directory: instance.path("frr"),
    config: blockOf("frr"),
  });
  const processes = await startSpeakers(instance, speakers);
  await waitForThreeNextHops(router);
  const sent = await frr.vtysh("show bgp ipv4 unicast neighbors 172.16.7.11 advertised-routes");
  assert.match(sent, /Total number of prefixes 0|^\s*$/, "the speakers are sent nothing");
  await Promise.all(processes.map((speaker) => speaker[Symbol.asyncDispose]()));
});

test("BIRD with the README's block has one ECMP route and takes nothing else", async () => {
  const { instance, speakers, router } = await link("readmebird");
  await using _ = instance;
  await mkdir(instance.path("bird"));
  await writeFile(instance.path("bird", "bird.conf"), blockOf("bird"));
  const [config, control, pid] = ["bird.conf", "bird.ctl", "bird.pid"].map((name) =>
    instance.path("bird", name),
  );
  await using __ = await LabProcess.start({
    name: "bird",
    namespace: router,
    command: ["bird", "-f", "-c", config ?? "", "-s", control ?? "", "-P", pid ?? ""],
    logFile: instance.path("bird", "bird.log"),
  });
  const processes = await startSpeakers(instance, speakers);
  await waitForThreeNextHops(router);
  await Promise.all(processes.map((speaker) => speaker[Symbol.asyncDispose]()));
});
