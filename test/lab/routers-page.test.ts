import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { LabProcess } from "../../lab/processes.ts";
import { Router } from "../../lab/router.ts";
import type { BgpSpeaker } from "../support/bgp-speaker.ts";
import { kernelRoute, nodeLink, startNodeSpeakers, waitForNextHops } from "../support/node-link.ts";

/** The router configuration of docs/routers.md in the fenced block that is marked `language`. */
function blockOf(language: string): string {
  const page = readFileSync("docs/routers.md", "utf8");
  const block = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "ms").exec(page)?.[1];
  assert.ok(block, `the page has a block marked ${language}`);
  return block;
}

const serviceRoute = "172.16.7.192/32";
const strayRoute = "198.51.100.1/32";

/** Three speakers dial the far-side address and advertise one Service's address and a stray one. */
function startSpeakers(link: Awaited<ReturnType<typeof nodeLink>>): Promise<BgpSpeaker[]> {
  const peer = { localAsn: 64522, peerAsn: 64512, peerAddress: "172.16.9.1" };
  return startNodeSpeakers(link, peer, [serviceRoute, strayRoute]);
}

async function checkRoutes(router: string): Promise<void> {
  await waitForNextHops(router, serviceRoute);
  const stray = await kernelRoute(router, strayRoute);
  assert.equal(stray, "", "what is no Service's address is filtered");
}

test("FRR with the page's block has one ECMP route and takes nothing else", async () => {
  const link = await nodeLink("readmefrr");
  const { instance, router } = link;
  await using _ = instance;
  await using frr = await Router.start({
    namespace: router,
    directory: instance.path("frr"),
    config: blockOf("frr"),
  });
  const processes = await startSpeakers(link);
  await checkRoutes(router);
  const sent = await frr.vtysh("show bgp ipv4 unicast neighbors 172.16.7.11 advertised-routes");
  assert.match(sent, /Total number of prefixes 0|^\s*$/, "the speakers are sent nothing");
  await Promise.all(processes.map((speaker) => speaker[Symbol.asyncDispose]()));
});

test("BIRD with the page's block has one ECMP route and takes nothing else", async () => {
  const link = await nodeLink("readmebird");
  const { instance, router } = link;
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
  const processes = await startSpeakers(link);
  await checkRoutes(router);
  await Promise.all(processes.map((speaker) => speaker[Symbol.asyncDispose]()));
});
