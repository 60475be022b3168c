import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Instance } from "../../lab/instance.ts";
import { type JsonObject, withAt } from "../../lab/kube/json.ts";
import { createNamespaces, runIn } from "../../lab/namespaces.ts";
import { healthOfServices, type Ruleset, secondHopRules } from "../../lab/second-hop-rules.ts";
import { formatDifference, formatWhole, secondHopTable } from "../../lab/second-hop-script.ts";

interface ServiceShape {
  readonly name: string;
  readonly policy: "Cluster" | "Local";
  readonly ingress: readonly string[];
  readonly endpoints: readonly EndpointShape[];
  readonly sourceRanges?: readonly string[];
  readonly type?: string;
}

interface EndpointShape {
  readonly address: string;
  readonly node: string;
  readonly state: "ready" | "not-ready" | "ending" | "ended";
}

function rulesOf(shapes: readonly ServiceShape[]): Ruleset {
  return secondHopRules("ip", {
    services: shapes.map(serviceObject),
    endpointSlices: shapes.map(sliceObject),
    nodeName: "node1",
    podNetwork: "10.244.0.0/16",
  });
}

function serviceObject({ name, policy, ingress, sourceRanges, type }: ServiceShape): JsonObject {
  const number = Number(name.slice(1));
  return {
    metadata: { namespace: "default", name, creationTimestamp: "2026-11-22T00:00:00Z" },
    spec: {
      type: type ?? "LoadBalancer",
      clusterIPs: [`10.96.0.${number + 1}`],
      externalTrafficPolicy: policy,
      ports: [{ port: 80, protocol: "TCP", nodePort: 30_000 + number }],
      ...(sourceRanges && { loadBalancerSourceRanges: sourceRanges }),
    },
    status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip, ipMode: "VIP" })) } },
  };
}

function sliceObject({ name, endpoints }: ServiceShape): JsonObject {
  return {
    metadata: {
      namespace: "default",
      name: `${name}-slice`,
      labels: { "kubernetes.io/service-name": name },
    },
    addressType: "IPv4",
    ports: [{ name: "", port: 8080, protocol: "TCP" }],
    endpoints: endpoints.map(({ address, node, state }) => ({
      addresses: [address],
      nodeName: node,
      conditions: {
        ready: state === "ready",
        serving: state === "ready" || state === "ending",
        terminating: state === "ending" || state === "ended",
      },
    })),
  };
}

const near: EndpointShape = { address: "10.244.1.2", node: "node1", state: "ready" };
const far: EndpointShape = { address: "10.244.2.2", node: "node2", state: "ready" };
const vip = "172.16.7.192 . tcp . 80";

function targets(rules: Ruleset, chain: string): readonly string[] {
  const text = (rules.chains.get(chain) ?? []).join("\n");
  return [...text.matchAll(/: (\d\S+) \. 8080/g)].map(([, address = ""]) => address);
}

test("only addresses in status.loadBalancer.ingress are forwarded", () => {
  const base = { name: "s0", policy: "Cluster", endpoints: [near] } as const;
  const given = rulesOf([{ ...base, ingress: ["172.16.7.192"] }]);
  assert.equal(given.maps["service-addresses"].get(vip), "goto balanced-default/s0/80/tcp");
  const pending = rulesOf([{ ...base, ingress: [] }]);
  assert.deepEqual([...pending.maps["service-addresses"].keys()], ["10.96.0.1 . tcp . 80"]);
  const left = rulesOf([{ ...base, ingress: ["172.16.7.192"], type: "ClusterIP" }]);
  assert.equal(left.maps["service-addresses"].has(vip), false);
});

test("Cluster uses the ready endpoints of all nodes and hides the client behind the node", () => {
  const rules = rulesOf([
    { name: "s0", policy: "Cluster", ingress: ["172.16.7.192"], endpoints: [near, far] },
  ]);
  assert.deepEqual(targets(rules, "cluster-default/s0/80/tcp"), ["10.244.1.2", "10.244.2.2"]);
  assert.deepEqual(rules.chains.get("external-default/s0/80/tcp"), [
    "meta mark set meta mark | 0x4000",
    "goto cluster-default/s0/80/tcp",
  ]);
});

test("a Pod that asks its own Service hides behind the node, so that it may be given itself", () => {
  const rules = rulesOf([
    { name: "s0", policy: "Cluster", ingress: ["172.16.7.192"], endpoints: [near, far] },
  ]);
  const [first] = rules.chains.get("cluster-default/s0/80/tcp") ?? [];
  assert.equal(first, "ip saddr { 10.244.1.2 } meta mark set meta mark | 0x4000");
});

test("Local uses this node's endpoints alone and drops where there is none", () => {
  const here = rulesOf([
    { name: "s0", policy: "Local", ingress: ["172.16.7.192"], endpoints: [near, far] },
  ]);
  assert.deepEqual(targets(here, "external-default/s0/80/tcp"), ["10.244.1.2"]);
  const elsewhere = rulesOf([
    { name: "s0", policy: "Local", ingress: ["172.16.7.192"], endpoints: [far] },
  ]);
  assert.equal(elsewhere.maps["refused-addresses"].get(vip), "drop");
  assert.equal(elsewhere.maps["service-addresses"].has(vip), false);
});

test("a healthCheckNodePort tells of the ready endpoints on this node, by family", () => {
  const base = { name: "s0", policy: "Local", ingress: ["172.16.7.192"] } as const;
  const healthOf = (...endpoints: readonly EndpointShape[]) => {
    const shape = { ...base, endpoints };
    const service = withAt(serviceObject(shape), ["spec", "healthCheckNodePort"], 31_000);
    const made = { services: [service], endpointSlices: [sliceObject(shape)], nodeName: "node1" };
    return healthOfServices(made).get(31_000);
  };
  const named = { namespace: "default", name: "s0" };
  const counted = (ip: number) => ({ ...named, localEndpoints: { ip, ip6: 0 } });
  assert.deepEqual(healthOf(near, far), counted(1));
  assert.deepEqual(healthOf({ ...near, state: "ending" }, far), counted(0));
  assert.deepEqual(healthOf(), counted(0));
  const portless = { ...base, endpoints: [near] };
  const none = healthOfServices({
    services: [serviceObject(portless)],
    endpointSlices: [sliceObject(portless)],
    nodeName: "node1",
  });
  assert.equal(none.size, 0);
});

test("endpoints that serve while they terminate count only where none is ready", () => {
  const ending = { ...near, state: "ending" } as const;
  const both = rulesOf([
    { name: "s0", policy: "Cluster", ingress: ["172.16.7.192"], endpoints: [ending, far] },
  ]);
  assert.deepEqual(targets(both, "cluster-default/s0/80/tcp"), ["10.244.2.2"]);
  const alone = rulesOf([
    { name: "s0", policy: "Local", ingress: ["172.16.7.192"], endpoints: [ending, far] },
  ]);
  assert.deepEqual(targets(alone, "external-default/s0/80/tcp"), ["10.244.1.2"]);
});

test("without any endpoint a connection is refused", () => {
  const rules = rulesOf([
    {
      name: "s0",
      policy: "Cluster",
      ingress: ["172.16.7.192"],
      endpoints: [{ ...near, state: "not-ready" }],
    },
  ]);
  assert.equal(rules.maps["refused-addresses"].get(vip), "goto refuse");
  assert.equal(rules.maps["refused-addresses"].get("10.96.0.1 . tcp . 80"), "goto refuse");
});

const arbitraryService = (number: number): fc.Arbitrary<ServiceShape> =>
  fc.record({
    name: fc.constant(`s${number}`),
    policy: fc.constantFrom("Cluster", "Local"),
    ingress: fc.subarray(["172.16.7.192", `172.16.7.${200 + number}`]),
    endpoints: fc.subarray([0, 1, 2, 3], { minLength: 0 }).chain((numbers) =>
      fc.tuple(
        ...numbers.map((index) =>
          fc.constantFrom("ready", "not-ready", "ending", "ended").map(
            (state): EndpointShape => ({
              address: `10.244.${index}.${number + 2}`,
              node: `node${index}`,
              state,
            }),
          ),
        ),
      ),
    ),
    sourceRanges: fc.subarray(["10.0.0.0/8", "172.16.0.0/12"]),
  });

const arbitraryShapes = fc
  .tuple(...[0, 1, 2, 3].map((number) => fc.option(arbitraryService(number), { nil: undefined })))
  .map((services) => services.filter((service) => service !== undefined));

test("the kernel has the same rules whether they come at once or by differences", async () => {
  await using instance = await Instance.open(`hop${process.pid.toString(36)}`);
  const [stepwise, atOnce] = [instance.namespace("stepwise"), instance.namespace("atonce")];
  await createNamespaces([stepwise, atOnce]);
  const load = (namespace: string, input: string): Promise<string> =>
    runIn(namespace, "nft", ["-f", "-"], { input });
  const list = async (namespace: string): Promise<string> => {
    const text = await runIn(namespace, "nft", ["-s", "list", "table", "ip", secondHopTable]);
    return sortedBlocks(text);
  };
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryShapes, { minLength: 2, maxLength: 5 }), async (states) => {
      let before = rulesOf(states[0] ?? []);
      await load(stepwise, formatWhole("ip", before));
      for (const state of states.slice(1)) {
        const next = rulesOf(state);
        const script = formatDifference("ip", before, next);
        if (script !== "") await load(stepwise, script);
        before = next;
      }
      await load(atOnce, formatWhole("ip", before));
      assert.equal(await list(stepwise), await list(atOnce));
      assert.equal(formatDifference("ip", before, before), "");
    }),
    { numRuns: 12 },
  );
});

/** nft lists chains by age and elements by hash: neither means anything. */
function sortedBlocks(text: string): string {
  return text
    .split(/\n(?=\t(?:chain|map) )/)
    .map((block) =>
      block.replace(/elements = \{([^}]*)\}/g, (_, elements: string) =>
        elements
          .split(",")
          .map((element) => element.trim())
          .sort((a, b) => a.localeCompare(b))
          .join(),
      ),
    )
    .map((block) => block.replace(/\n\}\n$/, "").trim())
    .sort((a, b) => a.localeCompare(b))
    .join("\n");
}
