import { test } from "node:test";
import {
  nodeAddress,
  routerAddress,
  routerAsn,
  routerConfig,
  speakerAsn,
} from "../../bench/scale/cluster.ts";
import { Instance } from "../../lab/instance.ts";
import { configure, connect, createNamespaces } from "../../lab/namespaces.ts";
import { Router } from "../../lab/router.ts";
import { pause } from "../../lab/wait.ts";
import { BgpSpeaker } from "../support/bgp-speaker.ts";

const restartTimeSeconds = 1;
const address = nodeAddress(0);

async function startSpeaker(instance: Instance, count: number): Promise<BgpSpeaker> {
  const speaker = await BgpSpeaker.start(instance, instance.namespace("node"));
  await speaker.request({
    type: "start",
    nodeAddresses: [address],
    peer: {
      localAsn: speakerAsn,
      peerAsn: routerAsn,
      peerAddress: routerAddress,
      families: ["ipv4"],
      gracefulRestart: { restartTimeSeconds },
    },
  });
  await speaker.request({ type: "routes", routes: { count } });
  return speaker;
}

test("the benches' router outlives an idle speaker that was killed, and takes the next one's routes", async () => {
  await using instance = await Instance.open("benchrouter");
  const [node, router] = [instance.namespace("node"), instance.namespace("router")];
  await createNamespaces([node, router]);
  await connect([
    { from: { namespace: node, device: "eth0" }, to: { namespace: router, device: "eth0" } },
  ]);
  await configure(node, [`addr add ${address}/16 dev eth0`, "link set eth0 up"]);
  await configure(router, [`addr add ${routerAddress}/16 dev eth0`, "link set eth0 up"]);
  await using frr = await Router.start({
    namespace: router,
    directory: instance.path("frr"),
    config: routerConfig([0]),
  });
  {
    await using speaker = await startSpeaker(instance, 0);
    await speaker.waitFor("the router has End-of-RIB", ({ synced }) => synced);
    speaker.process.signal("SIGKILL");
    await speaker.process.exited;
  }
  await pause((restartTimeSeconds + 1) * 1_000);
  await frr.vtysh("show bgp summary");
  await using next = await startSpeaker(instance, 10_000);
  await next.waitFor("the router has all routes", ({ synced }) => synced);
});
