import { startControllers } from "../../lab/kube/controllers/controllers.ts";
import { textAt } from "../../lab/kube/json.ts";
import { type ApiServer, startApiServer } from "../../lab/kube/server.ts";
import { keyOf } from "../../lab/kube/store.ts";
import { systemClock } from "../../src/runtime/clock.ts";

/** An API server with the lab's controllers, two nodes, and Pods that run as soon as they are bound. */
export async function startCluster(): Promise<ApiServer> {
  const server = await startApiServer();
  startControllers(
    {
      objects: server.objects,
      clock: systemClock,
      defer: (callback) => setImmediate(callback),
      report: (error) => console.error(error),
    },
    { nodeMonitorGracePeriodSeconds: 3600 },
  );
  for (const [index, name] of ["node1", "node2"].entries()) {
    server.objects.apply({
      apiVersion: "v1",
      kind: "Node",
      metadata: { name },
      status: {
        addresses: [{ type: "InternalIP", address: `172.16.7.${11 + index}` }],
        conditions: [{ type: "Ready", status: "True", reason: "KubeletReady" }],
        nodeInfo: { kubeletVersion: "v1.33.0", osImage: "test" },
      },
    });
  }
  runPods(server);
  return server;
}

function runPods({ objects }: ApiServer): void {
  let addresses = 0;
  const look = (): void => {
    for (const pod of objects.list("pods")) {
      const key = keyOf(pod);
      if (textAt(pod, "metadata", "deletionTimestamp") !== undefined) {
        objects.delete("pods", key, { gracePeriodSeconds: 0 });
      } else if (
        textAt(pod, "spec", "nodeName") !== undefined &&
        textAt(pod, "status", "podIP") === undefined
      ) {
        addresses += 1;
        const ip = `10.244.1.${addresses}`;
        objects.apply({
          ...pod,
          status: {
            phase: "Running",
            podIP: ip,
            podIPs: [{ ip }],
            conditions: [{ type: "Ready", status: "True" }],
            containerStatuses: [
              { name: "nginx", ready: true, restartCount: 0, image: "", imageID: "" },
            ],
          },
        });
      }
    }
  };
  objects.onChange("pods", () => {
    setImmediate(look);
  });
}
