import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { run } from "../../lab/command.ts";
import { EmbeddedKube } from "../../lab/embedded-kube.ts";
import { Instance } from "../../lab/instance.ts";
import { Lab } from "../../lab/lab.ts";
import { logTails } from "../../lab/logs.ts";
import { LabProcess } from "../../lab/processes.ts";
import { type ScenarioNode, scenario, workerNodes } from "../../lab/scenario.ts";
import { awaitGateways, bgpPaths } from "../../lab/sights/routes.ts";
import { requestsSpread, serviceHasAddress } from "../../lab/sights/service.ts";
import { hostPrefix } from "../../lab/view.ts";
import { waitFor } from "../../lab/wait.ts";

const { serviceAddress, routerAddress, routerAsn, pools } = scenario;
const prefix = hostPrefix(serviceAddress);
const gateways = workerNodes.map(({ address }) => address);
/** The router knows the nodes by it. */
const nodeAsn = scenario.speakerAsn;
/** Of its own: the daemon has the node's router id, and so has the speaker. */
const speakerAsn = 64523;

let instance: Instance | undefined;
let lab: Lab | undefined;
const birds: LabProcess[] = [];

before(async () => {
  instance = await Instance.open(`loop${process.pid.toString(36)}`);
  lab = await Lab.start({
    instance,
    startKube: (of, until) => EmbeddedKube.start(of, until),
    signal: new AbortController().signal,
    progress: () => undefined,
  });
  await serviceHasAddress.see(lab, () => undefined);
  await awaitGateways(lab, serviceAddress, gateways);
});

after(async () => {
  await Promise.all(birds.map((bird) => bird.stop()));
  await lab?.close();
  await instance?.close();
});

/** The node's BGP daemon: takes what its speaker says at 127.0.0.1, and has the router's session. */
function birdConfiguration({ address }: ScenarioNode): string {
  return `
router id ${address};
protocol device {}
protocol bgp routelb {
  local 127.0.0.1 as ${nodeAsn};
  neighbor 127.0.0.1 as ${speakerAsn};
  multihop;
  passive on;
  ipv4 { import all; export none; };
}
protocol bgp upstream {
  local ${address} as ${nodeAsn};
  neighbor ${routerAddress} as ${routerAsn};
  multihop 2;
  ipv4 { import none; export all; };
}
`;
}

const speakerConfiguration = `
peers:
- {my-asn: ${speakerAsn}, peer-asn: ${nodeAsn}, peer-address: 127.0.0.1}
address-pools:
- {name: my-ip-space, protocol: bgp, addresses: [${pools.ipv4}]}
`;

async function startBird(directory: string, namespace: string, node: ScenarioNode) {
  const path = (name: string): string => `${directory}/${name}`;
  await mkdir(directory);
  await writeFile(path("bird.conf"), birdConfiguration(node));
  return LabProcess.start({
    name: `bird on ${node.name}`,
    namespace,
    command: ["bird", "-f", "-c", path("bird.conf"), "-s", path("ctl"), "-P", path("pid")],
    logFile: path("bird.log"),
  });
}

async function awaitNoRoute(running: Lab, what: string): Promise<void> {
  await waitFor(
    async () => {
      const routes = await running.topology.router.kernelRoutes(serviceAddress);
      return (Array.isArray(routes) && routes.length === 0) || undefined;
    },
    { what, timeoutMs: 30_000 },
  );
}

test("BIRD on the nodes takes the speakers' routes at 127.0.0.1 and passes them on to the router", async (t) => {
  assert.ok(instance !== undefined && lab !== undefined);
  const [running, opened] = [lab, instance];
  const directory = (node: ScenarioNode): string => opened.path(`bird-${node.name}`);
  const birdc = (node: ScenarioNode, ...words: readonly string[]): Promise<string> =>
    run("birdc", ["-s", `${directory(node)}/ctl`, ...words]);
  try {
    const patch = JSON.stringify({ data: { config: speakerConfiguration } });
    const map = ["-n", "routelb-system", "patch", "configmap", "config", "--type=merge", "-p"];
    await running.kubectl.run(...map, patch);
    await awaitNoRoute(running, "the speakers left the router");
    for (const node of workerNodes) {
      const namespace = running.topology.node(node.name);
      birds.push(await startBird(directory(node), namespace, node));
    }
    await awaitGateways(running, serviceAddress, gateways);

    for (const node of workerNodes) {
      const own = await birdc(node, "show", "route", "all", "for", serviceAddress);
      assert.match(own, /\[routelb .* from 127\.0\.0\.1\]/);
      assert.match(own, new RegExp(String.raw`BGP\.next_hop: ${node.address}\n`));
    }
    const paths = await bgpPaths(running, prefix);
    assert.deepEqual(
      paths.map(({ nextHop, asPath }) => `${nextHop} ${asPath}`).toSorted(),
      gateways.map((gateway) => `${gateway} ${nodeAsn} ${speakerAsn}`),
    );
    t.diagnostic(await requestsSpread.see(running, () => undefined));

    await running.kubectl.run("scale", "deployment", "nginx", "--replicas=0");
    await awaitNoRoute(running, "withdrawn from the router, through BIRD");
  } catch (error) {
    for (const node of workerNodes.slice(0, 1)) {
      process.stderr.write(await birdc(node, "show", "protocols", "all").catch(String));
      process.stderr.write(await birdc(node, "show", "route", "all").catch(String));
    }
    process.stderr.write(await logTails(opened, 30));
    throw error;
  }
});
