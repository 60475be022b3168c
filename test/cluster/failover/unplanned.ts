import { at, type Json, numberAt, textAt } from "../../../lab/kube/json.ts";
import type { Lab } from "../../../lab/lab.ts";
import { type ScenarioNode, scenario, workerNode, workerNodes } from "../../../lab/scenario.ts";
import { awaitGateways, gatewayChanged } from "../../../lab/sights/routes.ts";
import { formatSeconds, mustSee } from "../../../lab/sights/sight.ts";
import { waitFor } from "../../../lab/wait.ts";
import { setPolicy, speakerUpdate } from "./planned.ts";
import { nextHopsLeftAndCame, type Scenario } from "./scenario.ts";

const { serviceAddress } = scenario;
const everyGateway = workerNodes.map(({ address }) => address);
const configPath = "/api/v1/namespaces/routelb-system/configmaps/config";

export const routerRestart: Scenario = {
  title: "restart of the only router",
  promise: "reported",
  async happen({ lab }) {
    await lab.topology.router.restart();
    await lab.awaitSessions(workerNodes.length);
    await awaitGateways(lab, serviceAddress, everyGateway);
    return "FRR ended and started again";
  },
  seenBy({ nextHops }) {
    mustSee(
      nextHops.some(({ gateways }) => gateways.length === 0),
      "the route never left the kernel",
    );
    mustSee(nextHops.at(-1)?.gateways.length === 3, "not all next hops came back");
  },
};

/**
 * A node whose link is cut with no FIN. The Service is `Local`: what is lost was sent to the dead
 * node itself. With `Cluster` the others send to its Pods, too, until Kubernetes takes them out.
 */
function deadNode(how: string, node: ScenarioNode, notification: string): Scenario {
  const sent = new RegExp(`sent to neighbor ${node.address} ${notification}`);
  return {
    title: `dead node (its link is cut), ${how}`,
    promise: "nothing-after",
    async happen({ lab }, fromMs) {
      const change = { gateway: node.address, fromMs };
      await lab.topology.setSwitched(node.name, false);
      const left = await gatewayChanged(lab, serviceAddress, "left", change);
      await lab.topology.setSwitched(node.name, true);
      await awaitGateways(lab, serviceAddress, everyGateway);
      return `${node.name} out of the kernel ${formatSeconds(left.atMs - fromMs)} after the cut`;
    },
    seenBy(watched) {
      nextHopsLeftAndCame(watched, [node]);
      mustSee(
        watched.log.some(({ text }) => sent.test(text)),
        `the router's log has no ${sent.source}`,
      );
    },
  };
}

export const deadNodeByHoldTimer: Scenario = {
  ...deadNode("Hold Time 3 s", workerNode(3), String.raw`4/0 \(Hold Timer Expired\)`),
  async prepare({ lab }) {
    await setPolicy(lab, "Local");
    await editPeer(lab, (peer) => `${peer}\n  hold-time: 3s`);
    await awaitNeighbors(lab, "a Hold Time of 3 s", (neighbor) => {
      return textAt(neighbor, "bgpState") === "Established" && holdTimeMs(neighbor) === 3_000;
    });
  },
};

export const deadNodeByBfd: Scenario = {
  ...deadNode("BFD 3 x 300 ms", workerNode(3), String.raw`6/10 \(Cease/BFD Down\)`),
  async prepare({ lab }) {
    await lab.topology.router.configure(
      "bfd",
      "profile lab",
      "transmit-interval 300",
      "receive-interval 300",
      "exit",
      "exit",
      "debug bfd peer",
      `router bgp ${scenario.routerAsn}`,
      "neighbor nodes ebgp-multihop 2",
      "neighbor nodes bfd profile lab",
    );
    await editPeer(
      lab,
      (peer) =>
        `${peer.replace(/\n {2}hold-time: .*/, "")}\n  ebgp-multihop: true\n  bfd-profile: lab`,
      "bfd-profiles:\n- name: lab\n  receive-interval: 300\n  transmit-interval: 300\n",
    );
    await awaitNeighbors(lab, "BFD up", (neighbor) => {
      const isUp = textAt(neighbor, "peerBfdInfo", "status") === "Up";
      return textAt(neighbor, "bgpState") === "Established" && isUp && holdTimeMs(neighbor) > 3_000;
    });
  },
};

/**
 * BFD falls silent with the TCP connection: FRR's bfdd has its time run out. An AdminDown, which
 * bfdd tells of as the neighbour's going down, would make bgpd flush the routes.
 */
export const speakerUpdateWithBfd: Scenario = {
  ...speakerUpdate,
  title: "rolling update of the speakers, with BFD",
  seenBy(watched) {
    speakerUpdate.seenBy(watched);
    for (const { name, address } of workerNodes) {
      const ends = watched.log.filter(
        ({ text }) => text.includes(address) && /state-change: .* up -> down/i.test(text),
      );
      mustSee(ends.length > 0, `bfdd did not tell that ${name} fell silent`);
      const otherEnds = ends.filter(({ text }) => !text.includes("reason:control-expired"));
      mustSee(otherEnds.length === 0, otherEnds.map(({ text }) => text).join("; "));
    }
  },
  async restore({ lab }) {
    await awaitNeighbors(lab, "BFD up again", (neighbor) => {
      return textAt(neighbor, "peerBfdInfo", "status") === "Up";
    });
    await setPolicy(lab, "Cluster");
  },
};

/** Changes the one peer of the ConfigMap, as a user would. */
async function editPeer(lab: Lab, edit: (peer: string) => string, appended = ""): Promise<void> {
  const text = textAt(await lab.api.get(configPath), "data", "config") ?? "";
  const config = text.replace(/- my-asn: (.*\n {2}.*)*/, edit) + appended;
  mustSee(config !== text, `the ConfigMap holds no peer: ${text}`);
  await lab.api.patch(configPath, { data: { config } });
}

async function awaitNeighbors(
  lab: Lab,
  what: string,
  isWanted: (neighbor: Json | undefined) => boolean,
): Promise<void> {
  await waitFor(
    async () => {
      const neighbors = await lab.topology.router.vtyshJson("show bgp neighbors json");
      return everyGateway.every((address) => isWanted(at(neighbors, address))) || undefined;
    },
    { what: `three sessions with ${what}`, timeoutMs: 60_000, intervalMs: 250 },
  );
  await awaitGateways(lab, serviceAddress, everyGateway);
}

function holdTimeMs(neighbor: Json | undefined): number {
  return numberAt(neighbor, "bgpTimerHoldTimeMsecs") ?? 0;
}
