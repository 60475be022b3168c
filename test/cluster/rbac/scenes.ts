import { type JsonObject, listAt, numberAt, textAt } from "../../../lab/kube/json.ts";
import { waitFor } from "../../../lab/wait.ts";
import type { Occasion } from "../../deploy/rule-table.ts";
import type { BareCluster } from "../bare-cluster.ts";
import { type Account, object } from "./account.ts";
import type { Daemon } from "./daemon.ts";

/** One process of ours in a cluster of objects made for it, to which things happen. */
export interface Scene {
  readonly flags: readonly string[];
  /** Makes the occasion; the process has started before. Resolves when all rights let it be dealt with. */
  readonly bring: (occasion: Occasion, daemon: Daemon) => Promise<void>;
}

const patience = { timeoutMs: 60_000, intervalMs: 100 };

/** A controller with a class of its own, a Service that it can serve and one that it cannot. */
export async function controllerScene(
  { api }: BareCluster,
  { namespace }: Account,
  index: number,
): Promise<Scene> {
  const loadBalancerClass = `rbac.test/${namespace}`;
  const core = `/api/v1/namespaces/${namespace}`;
  const pool = (name: string, cidr: string) =>
    `- {name: ${name}, protocol: bgp, addresses: [${cidr}]}`;
  const config = `address-pools:\n${pool("one", `10.60.${index}.0/30`)}\n`;
  await api.create(`${core}/configmaps`, {
    ...object("v1", "ConfigMap", { name: "config" }),
    data: { config },
  });
  const service = (name: string, annotations: JsonObject): JsonObject => ({
    ...object("v1", "Service", { name, annotations }),
    spec: {
      type: "LoadBalancer",
      loadBalancerClass,
      allocateLoadBalancerNodePorts: false,
      ports: [{ port: 80 }],
    },
  });
  await api.create(`${core}/services`, service("served", {}));
  const unserved = { "routelb.io/address-pool": "none" };
  await api.create(`${core}/services`, service("unserved", unserved));
  const inForce = () => api.get(`${core}/configmaps/config-in-force`);
  const eventCount = () => highestCount(api, namespace, "unserved");
  return {
    flags: [`--lb-class=${loadBalancerClass}`],
    async bring(occasion, daemon) {
      if (occasion === "edit") {
        await waitFor(inForce, { what: "a configuration in force", ...patience });
        const edited = `${config}${pool("two", `10.61.${index}.0/30`)}\n`;
        await api.patch(`${core}/configmaps/config`, { data: { config: edited } });
      } else if (occasion === "again") {
        await waitFor(eventCount, {
          what: "an Event about the Service without address",
          ...patience,
        });
        await daemon.stop();
        await daemon.start();
      }
    },
  };
}

/** A speaker with a Node and a Pod of its own, a peer that does not answer, and its password. */
export async function speakerScene({ api }: BareCluster, { namespace }: Account): Promise<Scene> {
  const core = `/api/v1/namespaces/${namespace}`;
  const node = namespace;
  const peer = "{my-asn: 64522, peer-asn: 64512, peer-address: 127.0.0.1, peer-port: 9";
  const secret = { name: "routelb-peers", key: "router" };
  const config = `peers:\n- ${peer}, password-secret: ${JSON.stringify(secret)}}\n`;
  await api.create(`${core}/secrets`, {
    ...object("v1", "Secret", { name: secret.name }),
    stringData: { [secret.key]: "s3cret" },
  });
  await api.create(`${core}/configmaps`, {
    ...object("v1", "ConfigMap", { name: "config" }),
    data: { config },
  });
  await api.create("/api/v1/nodes", object("v1", "Node", { name: node, labels: { node } }));
  const conditions = [{ type: "Ready", status: "True", reason: "Made", message: "" }];
  await api.patch(`/api/v1/nodes/${node}/status`, { status: { conditions } });
  await api.create(`/apis/apps/v1/namespaces/${namespace}/daemonsets`, daemonSet(node));
  const podName = await waitFor(
    async () => textAt(listAt(await api.get(`${core}/pods`), "items")[0], "metadata", "name"),
    { what: "the DaemonSet's Pod", ...patience },
  );
  const annotate = (value: string | null) =>
    api.patch(`/api/v1/nodes/${node}`, {
      metadata: { annotations: { "routelb.io/drain": value } },
    });
  return {
    flags: [`--node-name=${node}`, `--pod-name=${podName}`, "--dataplane-check=off"],
    async bring(occasion, daemon) {
      if (occasion === "drain") {
        await annotate("true");
      } else if (occasion === "again") {
        await annotate("true");
        const eventCount = () => highestCount(api, "default", node);
        await waitFor(eventCount, { what: "an Event about the drain", ...patience });
        await daemon.stop();
        await daemon.start();
      } else if (occasion === "end") {
        await annotate(null);
        await waitFor(() => hasLogged(daemon, "configuration in force"), {
          what: "the speaker acts on its configuration",
          ...patience,
        });
        await daemon.stop();
      }
    },
  };
}

/** How often the most frequent Event about `name` happened; undefined: there is none. */
export async function highestCount(
  api: BareCluster["api"],
  namespace: string,
  name: string,
): Promise<number | undefined> {
  const events = listAt(await api.get(`/api/v1/namespaces/${namespace}/events`), "items");
  const counts = events
    .filter((event) => textAt(event, "involvedObject", "name") === name)
    .filter((event) => textAt(event, "reportingComponent")?.startsWith("routelb-") === true)
    .map((event) => numberAt(event, "count") ?? 1);
  return counts.length === 0 ? undefined : Math.max(...counts);
}

async function hasLogged(daemon: Daemon, message: string): Promise<true | undefined> {
  return (await daemon.log()).some((line) => textAt(line, "msg") === message) || undefined;
}

function daemonSet(node: string): JsonObject {
  const labels = { "app.kubernetes.io/name": "routelb", "app.kubernetes.io/component": "speaker" };
  return {
    ...object("apps/v1", "DaemonSet", { name: "speaker" }),
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: "speaker",
          nodeSelector: { node },
          containers: [{ name: "speaker", image: "routelb" }],
        },
      },
    },
  };
}
