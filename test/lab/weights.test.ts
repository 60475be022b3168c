import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { Instance } from "../../lab/instance.ts";
import { configure, connect, createNamespaces } from "../../lab/namespaces.ts";
import { LabProcess } from "../../lab/processes.ts";
import { Router } from "../../lab/router.ts";
import { isSharedAs, kernelShares } from "../../lab/sights/routes.ts";
import { waitFor } from "../../lab/wait.ts";
import { sliceReducer } from "../../src/cluster/endpoint.ts";
import { decideRoutes } from "../../src/speaker/decide.ts";
import { config, node, pool, service, snapshot } from "../speaker/fixtures.ts";
import { BgpSpeaker } from "../support/bgp-speaker.ts";

const names = ["node1", "node2", "node3"] as const;
const addresses = ["172.16.7.11", "172.16.7.12", "172.16.7.13"] as const;
const ingress = "172.16.7.192";
const key = "default/nginx";
const router = { name: "router", entryName: "router" };

/** What `decideRoutes` gives the speaker of `nodeName`, of so many endpoints on the three nodes. */
function routesOn(nodeName: string, counts: readonly number[]) {
  const endpoints = names.flatMap((name, index) =>
    Array.from({ length: counts[index] ?? 0 }, (_, each) => ({
      address: `10.244.${index}.${each}`,
      nodeName: name,
      ready: true,
      serving: true,
      terminating: false,
    })),
  );
  const reduce = sliceReducer(nodeName);
  const slice = reduce({ key: `${key}-a`, serviceKey: key, family: "ipv4", endpoints });
  const nginx = service("nginx", [ingress], { externalTrafficPolicy: "Local" });
  const weighted = pool({ weights: true, weightCommunity: 64512 });
  const made = snapshot(
    [nginx],
    { [key]: [slice] },
    { config: config({ pools: [weighted] }), node: node({ name: nodeName }) },
  );
  const routes = decideRoutes(made, [router]).routes.get(router.name) ?? [];
  return routes.map(({ prefix, attributes }) => ({ prefix: prefix.key, attributes }));
}

/** A router's namespace, and one with a speaker for each node that dials it; no router yet. */
class Link implements AsyncDisposable {
  readonly instance: Instance;
  readonly namespace: string;
  readonly #speakersNamespace: string;
  readonly #speakers: BgpSpeaker[] = [];

  private constructor(instance: Instance, namespace: string, speakersNamespace: string) {
    this.instance = instance;
    this.namespace = namespace;
    this.#speakersNamespace = speakersNamespace;
  }

  static async start(id: string): Promise<Link> {
    const instance = await Instance.open(id);
    const [speakers, namespace] = [instance.namespace("speakers"), instance.namespace("router")];
    await createNamespaces([speakers, namespace]);
    await connect([
      { from: { namespace: speakers, device: "eth0" }, to: { namespace, device: "eth0" } },
    ]);
    await configure(namespace, ["addr add 172.16.7.1/24 dev eth0", "link set eth0 up"]);
    await configure(speakers, [
      ...addresses.map((address) => `addr add ${address}/24 dev eth0`),
      "link set eth0 up",
    ]);
    return new Link(instance, namespace, speakers);
  }

  async speak(peerAsn: number): Promise<void> {
    for (const address of addresses) {
      const speaker = await BgpSpeaker.start(this.instance, this.#speakersNamespace, address);
      this.#speakers.push(speaker);
      await speaker.request({
        type: "start",
        peer: { localAsn: 64522, peerAsn, peerAddress: "172.16.7.1", sourceAddress: address },
        nodeAddresses: [address],
      });
    }
  }

  /** Resolves when the router's kernel shares the traffic as the counts say. */
  async expectShares(counts: readonly number[]): Promise<void> {
    for (const [index, speaker] of this.#speakers.entries()) {
      const routes = routesOn(names[index] ?? "", counts);
      await speaker.request({ type: "routes", routes });
    }
    await waitFor(
      async () => {
        const shares = await kernelShares(this.namespace, ingress, addresses);
        if (!isSharedAs(shares, counts)) throw new Error(`the shares are ${shares.join()}`);
        return true;
      },
      { what: `shares as ${counts.join()}`, timeoutMs: 40_000 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const speaker of this.#speakers) {
      await speaker[Symbol.asyncDispose]();
    }
    await this.instance[Symbol.asyncDispose]();
  }
}

const countsToSee = [
  [1, 2, 4],
  [34, 35, 100],
] as const;

for (const [kind, asn] of [
  ["external", 64512],
  ["internal", 64522],
] as const) {
  test(`FRR's kernel shares by the local endpoints, over ${kind} sessions`, async () => {
    await using link = await Link.start(`wgt${kind.slice(0, 2)}`);
    await using _ = await Router.start({
      namespace: link.namespace,
      directory: link.instance.path("frr"),
      config: [
        `router bgp ${asn}`,
        " bgp router-id 172.16.7.1",
        " no bgp ebgp-requires-policy",
        ...addresses.flatMap((address) => [
          ` neighbor ${address} remote-as 64522`,
          ` neighbor ${address} passive`,
        ]),
        " address-family ipv4 unicast",
        "  maximum-paths 8",
        "  maximum-paths ibgp 8",
        " exit-address-family",
      ].join("\n"),
    });
    await link.speak(asn);
    for (const counts of countsToSee) {
      await link.expectShares(counts);
    }
  });
}

test("BIRD's kernel shares by the community", async () => {
  await using link = await Link.start("wgtbird");
  const path = (name: string) => link.instance.path("bird", name);
  await mkdir(link.instance.path("bird"));
  await writeFile(path("bird.conf"), birdConfiguration);
  await using _ = await LabProcess.start({
    name: "bird",
    namespace: link.namespace,
    command: ["bird", "-f", "-c", path("bird.conf"), "-s", path("ctl"), "-P", path("pid")],
    logFile: path("bird.log"),
  });
  await link.speak(64512);
  for (const counts of countsToSee) {
    await link.expectShares(counts);
  }
});

const birdConfiguration = `
router id 172.16.7.1;
protocol device {}
protocol kernel { merge paths on; ipv4 { import none; export where source = RTS_BGP; }; }
filter weigh {
  for pair community in bgp_community do {
    if community.asn = 64512 then weight = community.data;
  }
  accept;
}
template bgp node {
  local 172.16.7.1 as 64512;
  passive on;
  direct;
  ipv4 { import filter weigh; export none; };
}
${addresses
  .map(
    (address, index) => `protocol bgp node${index + 1} from node { neighbor ${address} as 64522; }`,
  )
  .join("\n")}
`;

test("what is decided for the lab is what a speaker would send", () => {
  const bandwidths = names.map((name) => routesOn(name, [1, 2, 4])[0]?.attributes.linkBandwidth);
  assert.deepEqual(bandwidths, [1_000_000, 2_000_000, 4_000_000]);
});
