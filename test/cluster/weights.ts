import assert from "node:assert/strict";
import { test } from "node:test";
import { textAt } from "../../lab/kube/json.ts";
import { workerNodes } from "../../lab/scenario.ts";
import { awaitGateways, isSharedAs, kernelShares } from "../../lab/sights/routes.ts";
import { waitFor } from "../../lab/wait.ts";
import type { Cluster } from "./cluster.ts";
import { makeService, removeService } from "./services.ts";

const counts = [1, 2, 4] as const;
const gateways = workerNodes.map(({ address }) => address);
const configMap = "/api/v1/namespaces/routelb-system/configmaps/config";
const deployments = "/apis/apps/v1/namespaces/default/deployments";
const labels = { app: "weighted" };

/** From the ConfigMap to the router's kernel, by the speakers on the nodes. */
export function weightedRoutes(cluster: () => Cluster): void {
  test("weights: of 1, 2 and 4 endpoints the router's kernel makes next hops of 1:2:4", (context) =>
    cluster().look(context, async () => {
      const { lab } = cluster();
      const shares = (address: string) =>
        kernelShares(lab.topology.router.namespace, address, gateways);
      await deployUnevenly(cluster());
      const spec = { externalTrafficPolicy: "Local", selector: labels };
      const { address } = await makeService(cluster(), "weighted", spec);
      await awaitGateways(lab, address, gateways);
      const unweighted = await shares(address);
      assert.ok(isSharedAs(unweighted, [1, 1, 1]), `without weights: ${unweighted.join()}`);
      const text = textAt(await lab.api.get(configMap), "data", "config") ?? "";
      const config = text
        .replace(/^ {2}peer-asn: .*/m, "$&\n  link-bandwidth: auto")
        .replace(/^ {2}protocol: bgp/m, "$&\n  weights: true");
      await lab.api.patch(configMap, { data: { config } });
      const weighted = await waitFor(
        async () => {
          const seen = await shares(address);
          if (!isSharedAs(seen, counts)) throw new Error(`the shares are ${seen.join()}`);
          return seen;
        },
        { what: `shares as ${counts.join(":")}`, timeoutMs: 60_000 },
      );
      await lab.api.patch(configMap, { data: { config: text } });
      await waitFor(async () => isSharedAs(await shares(address), [1, 1, 1]) || undefined, {
        what: "equal shares without weights",
        timeoutMs: 60_000,
      });
      await removeService(cluster(), "weighted");
      for (const { name } of workerNodes) await lab.api.remove(`${deployments}/weighted-${name}`);
      return `shares ${unweighted.map(percent).join(":")}, with weights ${weighted.map(percent).join(":")}`;
    }));
}

/** On each node as many Pods as its count; resolves when all are ready. */
async function deployUnevenly({ lab }: Cluster): Promise<void> {
  for (const [index, { name }] of workerNodes.entries()) {
    const own = { ...labels, on: name };
    await lab.api.create(deployments, {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: `weighted-${name}` },
      spec: {
        replicas: counts[index] ?? 0,
        selector: { matchLabels: own },
        template: {
          metadata: { labels: own },
          spec: {
            nodeSelector: { "kubernetes.io/hostname": name },
            containers: [
              {
                name: "nginx",
                image: "nginx",
                ports: [{ containerPort: 80 }],
                readinessProbe: { httpGet: { path: "/", port: 80 }, periodSeconds: 1 },
              },
            ],
          },
        },
      },
    });
  }
  for (const { name } of workerNodes) {
    await lab.kubectl.run("rollout", "status", `deployment/weighted-${name}`, "--timeout=25s");
  }
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
