import { attempt } from "../../lab/command.ts";
import {
  at,
  isObject,
  type Json,
  listAt,
  numberAt,
  parseJson,
  textAt,
} from "../../lab/kube/json.ts";
import type { Lab } from "../../lab/lab.ts";
import { inNamespace } from "../../lab/namespaces.ts";
import { scenario } from "../../lab/scenario.ts";
import { gatewaysOf } from "../../lab/sights/routes.ts";
import type { SeenPods } from "./model.ts";
import type { SoakWorld } from "./world.ts";

export interface SeenCluster {
  readonly pods: SeenPods;
  /** Why the cluster itself is still on its way to what was asked for; empty: it is there. */
  readonly unsettled: readonly string[];
  /** Addresses in the status of each Service, by its name. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** Addresses that the speaker of each node that can be reached means to advertise, by node. */
  readonly decisions: ReadonlyMap<string, ReadonlySet<string>>;
}

/** What the API server says. */
export async function seeCluster(lab: Lab, world: SoakWorld): Promise<SeenCluster> {
  const [pods, deployments, services, inForce] = await Promise.all([
    lab.api.get("/api/v1/pods"),
    lab.api.get("/apis/apps/v1/namespaces/default/deployments"),
    lab.api.get("/api/v1/namespaces/default/services"),
    lab.api.get("/api/v1/namespaces/routelb-system/configmaps/config-in-force"),
  ]);
  const readyNodes = new Map<string, Set<string>>();
  const speakerNodes = new Set<string>();
  const unsettled: string[] = [];
  for (const pod of listAt(pods, "items")) {
    const name = textAt(pod, "metadata", "name") ?? "";
    const node = textAt(pod, "spec", "nodeName");
    if (node === undefined) {
      continue;
    }
    const isCut = world.nodes.get(node)?.isCut === true;
    const isLeaving = at(pod, "metadata", "deletionTimestamp") !== undefined;
    const isReady = conditionOf(pod, "Ready") === "True";
    if (isLeaving ? !isCut : isReady === isCut) {
      unsettled.push(`Pod ${name} on ${node} is ${isLeaving ? "leaving" : "not as it will be"}`);
    }
    if (isReady && !isLeaving) {
      const app = textAt(pod, "metadata", "labels", "app");
      if (app !== undefined) {
        readyNodes.set(app, (readyNodes.get(app) ?? new Set()).add(node));
      }
      if (textAt(pod, "metadata", "labels", "app.kubernetes.io/component") === "speaker") {
        speakerNodes.add(node);
      }
    }
  }
  for (const deployment of listAt(deployments, "items")) {
    const name = textAt(deployment, "metadata", "name") ?? "";
    if ((numberAt(deployment, "status", "replicas") ?? 0) !== world.apps.get(name)) {
      unsettled.push(`Deployment ${name} has not as many Pods as asked for`);
    }
  }
  const reachable = [...world.nodes].filter(([, { isCut }]) => !isCut).map(([name]) => name);
  const states = await Promise.all(reachable.map((name) => speakerState(lab, name)));
  for (const [index, name] of reachable.entries()) {
    if (!speakerNodes.has(name)) {
      unsettled.push(`no Ready speaker on ${name}`);
    } else if (
      textAt(states[index], "config", "sha256") !== textAt(inForce, "data", "source-sha256")
    ) {
      unsettled.push(`the speaker on ${name} does not act on the configuration in force yet`);
    }
  }
  const addresses = new Map(
    listAt(services, "items").map((service) => [
      textAt(service, "metadata", "name") ?? "",
      listAt(service, "status", "loadBalancer", "ingress").flatMap(
        (entry) => textAt(entry, "ip") ?? [],
      ),
    ]),
  );
  const decisions = new Map(
    reachable.map((name, index) => [name, decidedAddresses(states[index])]),
  );
  return { pods: { readyNodes, speakerNodes }, unsettled, addresses, decisions };
}

/** `/state` of a node's speaker, which after a cut may tell of old knowledge for some seconds. */
async function speakerState(lab: Lab, node: string): Promise<Json> {
  const [enter = "", ...inNode] = inNamespace(lab.topology.node(node));
  const url = "http://127.0.0.1:7472/state";
  const { ok, text } = await attempt(enter, [...inNode, "curl", "-sf", "--max-time", "3", url]);
  return ok ? parseJson(text) : {};
}

function decidedAddresses(state: Json | undefined): ReadonlySet<string> {
  const routes = at(state, "routes");
  const prefixes = Object.values(isObject(routes) ? routes : {}).flatMap((ofPeer) =>
    listAt(ofPeer).map((route) => textAt(route, "prefix") ?? ""),
  );
  return new Set(prefixes.map((prefix) => prefix.replace(/\/32$/, "")));
}

/** The next hops of every route that BGP put into the router's kernel, by address: names of nodes. */
export async function seeRoutes(lab: Lab): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const routes = await lab.topology.router.kernelRoutes("proto", "bgp");
  const nameOf = (gateway: string) =>
    scenario.nodes.find(({ address }) => address === gateway)?.name ?? gateway;
  return new Map(
    (Array.isArray(routes) ? routes : []).map((route: Json) => [
      textAt(route, "dst") ?? "",
      new Set(gatewaysOf(route).map(nameOf)),
    ]),
  );
}

/** Asks an address from the client; undefined: a Pod of `app` answered, else what came instead. */
export async function whyNoAnswer(
  lab: Lab,
  address: string,
  app: string,
): Promise<string | undefined> {
  const [enter = "", ...inClient] = inNamespace(lab.topology.client);
  const curl = ["curl", "-sS", "--max-time", "3", "-D", "-", "-o", "/dev/null"];
  const { ok, text } = await attempt(enter, [...inClient, ...curl, `http://${address}/`]);
  const pod = /^x-pod: (\S+)/im.exec(text)?.[1] ?? "";
  return ok && pod.startsWith(`${app}-`) ? undefined : `${address}: ${text.trim().slice(0, 200)}`;
}

function conditionOf(pod: Json, type: string): string {
  const condition = listAt(pod, "status", "conditions").find(
    (entry) => textAt(entry, "type") === type,
  );
  return textAt(condition, "status") ?? "";
}
