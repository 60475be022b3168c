import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { attempt } from "../../lab/command.ts";
import { at, listAt, textAt } from "../../lab/kube/json.ts";
import { inNamespace } from "../../lab/namespaces.ts";
import { answered, countBy } from "../../lab/probe.ts";
import { workerNode, workerNodes } from "../../lab/scenario.ts";
import { awaitGateways, kernelGateways } from "../../lab/sights/routes.ts";
import { formatCounts } from "../../lab/sights/sight.ts";
import { formatFailures, ingressNode } from "../../lab/sights/traffic.ts";
import { pause, waitFor } from "../../lab/wait.ts";
import type { Cluster } from "./cluster.ts";
import { controllerRolledOut } from "./failover/rollouts.ts";
import { endPod, makePod } from "./pods.ts";
import { makeService, patchService, removeService } from "./services.ts";

const everyGateway = workerNodes.map(({ address }) => address);
const [first, second] = [workerNode(1), workerNode(2)];
const slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
const services = "/api/v1/namespaces/default/services";

/** Endpoints as kube-controller-manager makes them, or nobody does, and what kube-proxy does then. */
export function endpointKinds(cluster: () => Cluster): void {
  suite("endpoints and policies as Kubernetes means them", () => {
    test("publishNotReadyAddresses: an endpoint that is not ready counts as ready", (context) =>
      cluster().look(context, async () => {
        await makePod(cluster(), { name: "slow", node: first.name, isNeverReady: true });
        const spec = { externalTrafficPolicy: "Local", selector: { app: "slow" } };
        const { address } = await makeService(cluster(), "slow", spec);
        await readyEndpoints(cluster(), "slow", 0);
        await pause(1_000);
        assert.equal(await kernelGateways(cluster().lab, address), undefined);
        await patchService(cluster(), "slow", { publishNotReadyAddresses: true });
        await awaitGateways(cluster().lab, address, [first.address]);
        const said = await allAnswered(cluster(), address);
        await removeService(cluster(), "slow");
        await endPod(cluster(), "slow");
        return said;
      }));

    test("no selector: EndpointSlices that somebody else wrote", (context) =>
      cluster().look(context, async () => {
        const { lab } = cluster();
        await makePod(cluster(), { name: "manual", node: second.name });
        const pod = await lab.api.get("/api/v1/namespaces/default/pods/manual");
        const { address } = await makeService(cluster(), "manual", { selector: null });
        await pause(1_000);
        assert.equal(await kernelGateways(lab, address), undefined);
        await lab.api.create(slices, {
          apiVersion: "discovery.k8s.io/v1",
          kind: "EndpointSlice",
          metadata: { name: "manual", labels: { "kubernetes.io/service-name": "manual" } },
          addressType: "IPv4",
          ports: [{ port: 80 }],
          // No conditions: ready, serving, and not terminating.
          endpoints: [{ addresses: [textAt(pod, "status", "podIP") ?? ""], nodeName: second.name }],
        });
        await awaitGateways(lab, address, everyGateway);
        const said = await allAnswered(cluster(), address);
        await patchService(cluster(), "manual", { externalTrafficPolicy: "Local" });
        await awaitGateways(lab, address, [second.address]);
        await lab.api.remove(`${slices}/manual`);
        await routeIsGone(cluster(), address);
        await removeService(cluster(), "manual");
        await endPod(cluster(), "manual");
        return said;
      }));

    test("internalTrafficPolicy: Local is no matter of the routers'", (context) =>
      cluster().look(context, async () => {
        const { lab } = cluster();
        await makePod(cluster(), { name: "inner", node: first.name });
        const spec = { internalTrafficPolicy: "Local", selector: { app: "inner" } };
        const { address } = await makeService(cluster(), "inner", spec);
        await awaitGateways(lab, address, everyGateway);
        const said = await allAnswered(cluster(), address);
        const service = await lab.api.get(`${services}/inner`);
        const clusterIp = textAt(service, "spec", "clusterIP") ?? "";
        const [enter = "", ...rest] = inNamespace(lab.topology.node(second.name));
        const curl = ["curl", "-sS", "-m", "2", "-o", "/dev/null", `http://${clusterIp}/`];
        const inside = await attempt(enter, [...rest, ...curl]);
        assert.ok(!inside.ok, "the ClusterIP answers on a node that has no endpoint");
        await removeService(cluster(), "inner");
        await endPod(cluster(), "inner");
        return said;
      }));

    test("an ingress with a host name only is no address to advertise", (context) =>
      cluster().look(context, async () => {
        const { lab } = cluster();
        const controller = ["-n", "routelb-system", "scale", "deployment/controller"];
        const { address } = await makeService(cluster(), "named");
        await awaitGateways(lab, address, everyGateway);
        await lab.kubectl.run(...controller, "--replicas=0");
        await waitFor(async () => (await controllers(cluster())) === 0 || undefined, {
          what: "no controller",
          timeoutMs: 60_000,
        });
        const ingress = [{ hostname: "lb.example" }];
        await lab.api.patch(`${services}/named/status`, { status: { loadBalancer: { ingress } } });
        await routeIsGone(cluster(), address);
        await lab.kubectl.run(...controller, "--replicas=1");
        await controllerRolledOut(lab);
        await awaitGateways(lab, address, everyGateway);
        await removeService(cluster(), "named");
        return `${address} withdrawn, and back with the controller`;
      }));
  });
}

/** Resolves when kube-controller-manager's slices of the Service have so many ready endpoints. */
async function readyEndpoints({ lab }: Cluster, service: string, count: number): Promise<void> {
  const selector = encodeURIComponent(`kubernetes.io/service-name=${service}`);
  await waitFor(
    async () => {
      const found = listAt(await lab.api.get(`${slices}?labelSelector=${selector}`), "items");
      const endpoints = found.flatMap((slice) => listAt(slice, "endpoints"));
      const ready = endpoints.filter((endpoint) => at(endpoint, "conditions", "ready") === true);
      return (endpoints.length > 0 && ready.length === count) || undefined;
    },
    { what: `${count} ready endpoints of ${service}`, timeoutMs: 30_000 },
  );
}

async function allAnswered({ lab }: Cluster, address: string): Promise<string> {
  await lab.secondHopFollows();
  const probe = await lab.probe({ url: `http://${address}/`, concurrency: 4, count: 60 });
  const results = await probe.results();
  assert.equal(answered(results).length, 60, formatFailures(results));
  return `60 of 60 answered, through ${formatCounts(countBy(results, ingressNode))}`;
}

async function routeIsGone({ lab }: Cluster, address: string): Promise<void> {
  await waitFor(async () => (await kernelGateways(lab, address)) === undefined || undefined, {
    what: `no route to ${address}`,
    timeoutMs: 30_000,
  });
}

async function controllers({ lab }: Cluster): Promise<number> {
  const selector = encodeURIComponent("app.kubernetes.io/component=controller");
  const path = `/api/v1/namespaces/routelb-system/pods?labelSelector=${selector}`;
  return listAt(await lab.api.get(path), "items").length;
}
