import { findDaemons } from "../../lab/daemons.ts";
import { type JsonObject, listAt, textAt } from "../../lab/kube/json.ts";
import type { Lab } from "../../lab/lab.ts";
import { sendSignal } from "../../lab/namespaces.ts";
import { scenario, workerNodes } from "../../lab/scenario.ts";
import type { Random } from "../fuzz/random.ts";
import { appNames, formatConfig, type SoakNode, type SoakWorld, steadyServices } from "./world.ts";

/** Something that somebody does to a cluster. */
export interface Action {
  /** For the log; it says all that is needed to do it by hand. */
  readonly text: string;
  readonly perform: (lab: Lab) => Promise<void>;
}

/** Picks what may be done to the world as it is, and notes it there; undefined: not now. */
type Choice = (world: SoakWorld, random: Random) => Action | undefined;

const mostServices = 12;
const drainAnnotation = "routelb.io/drain";
const excludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers";
/** This node's speaker is never restarted: its memory is followed from the beginning to the end. */
export const undisturbedNode = "node1";

const services = "/api/v1/namespaces/default/services";
const deployments = "/apis/apps/v1/namespaces/default/deployments";
const configMap = "/api/v1/namespaces/routelb-system/configmaps/config";

/** The next action: it follows from the random numbers and from what was done before. */
export function chooseAction(world: SoakWorld, random: Random): Action {
  for (;;) {
    const action = random.pick(choices)(world, random);
    if (action !== undefined) {
      return action;
    }
  }
}

/** Brings the world back to how it began. */
export function restoreActions(world: SoakWorld): readonly Action[] {
  const actions: Action[] = [];
  for (const [name, node] of world.nodes) {
    for (const flag of nodeFlags) {
      if (node[flag]) {
        actions.push(setFlag(world, name, flag));
      }
    }
  }
  for (const name of [...world.services.keys()].filter((one) => !(one in steadyServices))) {
    actions.push(deleteService(world, name));
  }
  for (const app of appNames) {
    actions.push(scale(world, app, workerNodes.length));
  }
  Object.assign(world.config, { holdTimeSeconds: 3, med: 0, communities: [], isBroken: false });
  delete world.config.nodeWithoutPeer;
  return [...actions, writeConfig(world, "as it was at the beginning")];
}

/** Creates the Deployment of an app. */
export function createApp(world: SoakWorld, app: string): Action {
  return {
    text: `create Deployment ${app}`,
    perform: async (lab) => void (await lab.api.create(deployments, deploymentOf(world, app))),
  };
}

/** Creates a Service that the world knows already. */
export function createService(world: SoakWorld, name: string): Action {
  const service = world.services.get(name);
  const { app = "", policy = "Cluster" } = service ?? {};
  return {
    text: `create Service ${name}: ${app}, ${policy}`,
    perform: async (lab) =>
      void (await lab.api.create(services, {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name },
        spec: {
          type: "LoadBalancer",
          externalTrafficPolicy: policy,
          selector: { app },
          ports: [{ port: 80 }],
        },
      })),
  };
}

/** Writes the ConfigMap as the world has it. */
export function writeConfig(world: SoakWorld, text: string): Action {
  const config = formatConfig(world.config);
  return {
    text: `configuration: ${text}`,
    perform: async (lab) => void (await lab.api.patch(configMap, { data: { config } })),
  };
}

type NodeFlag = keyof SoakNode;
const nodeFlags = [
  "isDrained",
  "isExcluded",
  "isCordoned",
  "isCut",
  "isShutByRouter",
] as const satisfies readonly NodeFlag[];

const toggleNode: Choice = (world, random) => {
  const name = random.pick(workerNodes).name;
  const flag = random.pick(nodeFlags);
  const isOtherCut = [...world.nodes].some(([other, { isCut }]) => isCut && other !== name);
  return flag === "isCut" && isOtherCut ? undefined : setFlag(world, name, flag);
};

const choices: readonly Choice[] = [
  newService,
  newService,
  (world, random) => {
    const name = pickService(world, random);
    return name === undefined ? undefined : deleteService(world, name);
  },
  changePolicy,
  changeType,
  (world, random) => scale(world, random.pick(appNames), random.between(0, workerNodes.length)),
  (world, random) => scale(world, random.pick(appNames), random.between(1, workerNodes.length)),
  deletePod,
  toggleNode,
  toggleNode,
  toggleNode,
  restartSpeaker,
  changeConfig,
  changeConfig,
  clearRouter,
];

function newService(world: SoakWorld, random: Random): Action | undefined {
  if (world.services.size >= mostServices) {
    return undefined;
  }
  const name = `service-${random.below(100_000)}`;
  const app = random.pick(appNames);
  const policy = random.pick(["Cluster", "Local"] as const);
  world.services.set(name, { app, policy, isLoadBalancer: true });
  return createService(world, name);
}

function deleteService(world: SoakWorld, name: string): Action {
  world.services.delete(name);
  return {
    text: `delete Service ${name}`,
    perform: (lab) => lab.api.remove(`${services}/${name}`),
  };
}

function pickService(world: SoakWorld, random: Random): string | undefined {
  const names = [...world.services.keys()].filter((name) => !(name in steadyServices));
  return names.length === 0 ? undefined : random.pick(names);
}

function patchService(name: string, spec: JsonObject): Action {
  return {
    text: `Service ${name}: ${JSON.stringify(spec)}`,
    perform: async (lab) => void (await lab.api.patch(`${services}/${name}`, { spec })),
  };
}

function changePolicy(world: SoakWorld, random: Random): Action | undefined {
  const name = pickService(world, random);
  const service = name === undefined ? undefined : world.services.get(name);
  if (name === undefined || service === undefined || !service.isLoadBalancer) {
    return undefined;
  }
  service.policy = service.policy === "Local" ? "Cluster" : "Local";
  return patchService(name, { externalTrafficPolicy: service.policy });
}

function changeType(world: SoakWorld, random: Random): Action | undefined {
  const name = pickService(world, random);
  const service = name === undefined ? undefined : world.services.get(name);
  if (name === undefined || service === undefined) {
    return undefined;
  }
  service.isLoadBalancer = !service.isLoadBalancer;
  delete service.address;
  if (service.isLoadBalancer) {
    return patchService(name, {
      type: "LoadBalancer",
      externalTrafficPolicy: service.policy,
    });
  }
  return patchService(name, { type: "ClusterIP", externalTrafficPolicy: null });
}

function scale(world: SoakWorld, app: string, replicas: number): Action {
  world.apps.set(app, replicas);
  return {
    text: `scale Deployment ${app} to ${replicas}`,
    perform: async (lab) =>
      void (await lab.api.patch(`${deployments}/${app}`, { spec: { replicas } })),
  };
}

function deletePod(_world: SoakWorld, random: Random): Action {
  const app = random.pick(appNames);
  const choice = random.uint32();
  return {
    text: `delete one Pod of ${app}`,
    perform: async (lab) => {
      const path = "/api/v1/namespaces/default/pods";
      const names = listAt(await lab.api.get(`${path}?labelSelector=app%3D${app}`), "items")
        .map((pod) => textAt(pod, "metadata", "name") ?? "")
        .toSorted((a, b) => a.localeCompare(b));
      const name = names[choice % Math.max(1, names.length)];
      if (name !== undefined) {
        await lab.api.remove(`${path}/${name}`);
      }
    },
  };
}

/** Either as `kubectl delete pod` does, or as a crash does. */
function restartSpeaker(world: SoakWorld, random: Random): Action | undefined {
  const { name } = random.pick(workerNodes);
  const isCrash = random.chance(0.5);
  if (name === undisturbedNode || world.node(name).isCut) {
    return undefined;
  }
  return {
    text: `${isCrash ? "kill -9 the speaker" : "delete the speaker's Pod"} on ${name}`,
    perform: async (lab) => {
      if (isCrash) {
        const daemons = await findDaemons(lab);
        for (const { role, node, pid } of daemons) {
          if (role === "speaker" && node === name) {
            sendSignal(pid, "SIGKILL");
          }
        }
        return;
      }
      const path = "/api/v1/namespaces/routelb-system/pods";
      for (const pod of listAt(await lab.api.get(path), "items")) {
        if (
          textAt(pod, "spec", "nodeName") === name &&
          textAt(pod, "metadata", "labels", "app.kubernetes.io/component") === "speaker"
        ) {
          await lab.api.remove(`${path}/${textAt(pod, "metadata", "name")}`);
        }
      }
    },
  };
}

function changeConfig(world: SoakWorld, random: Random): Action {
  const { config } = world;
  switch (random.below(5)) {
    case 0:
      config.isBroken = !config.isBroken;
      return {
        ...writeConfig(world, config.isBroken ? "an error in it" : "the error is out of it"),
      };
    case 1:
      config.holdTimeSeconds = random.between(3, 5);
      break;
    case 2:
      config.med = random.below(100);
      break;
    case 3:
      config.communities = random.chance(0.5) ? [] : [`64512:${random.below(1_000)}`];
      break;
    default:
      if (config.nodeWithoutPeer === undefined) {
        config.nodeWithoutPeer = random.pick(workerNodes).name;
      } else {
        delete config.nodeWithoutPeer;
      }
  }
  config.isBroken = false;
  return writeConfig(world, JSON.stringify(config));
}

function clearRouter(_world: SoakWorld, random: Random): Action {
  const { address } = random.pick(workerNodes);
  const command = `clear ip bgp ${address}${random.chance(0.5) ? "" : " soft in"}`;
  return {
    text: `router: ${command}`,
    perform: async (lab) => void (await lab.topology.router.vtysh(command)),
  };
}

function setFlag(world: SoakWorld, name: string, flag: NodeFlag): Action {
  const node = world.node(name);
  node[flag] = !node[flag];
  const isOn = node[flag];
  return { text: `${name}: ${flag} is ${isOn}`, perform: (lab) => carryOut(lab, name, flag, isOn) };
}

async function carryOut(lab: Lab, name: string, flag: NodeFlag, isOn: boolean): Promise<void> {
  const path = `/api/v1/nodes/${name}`;
  const address = workerNodes.find((node) => node.name === name)?.address ?? "";
  switch (flag) {
    case "isDrained":
      await lab.api.patch(path, {
        metadata: { annotations: { [drainAnnotation]: isOn ? "true" : null } },
      });
      break;
    case "isExcluded":
      await lab.api.patch(path, { metadata: { labels: { [excludeLabel]: isOn ? "" : null } } });
      break;
    case "isCordoned":
      await lab.api.patch(path, { spec: { unschedulable: isOn } });
      break;
    case "isCut":
      await lab.topology.setSwitched(name, !isOn);
      break;
    case "isShutByRouter":
      await lab.topology.router.configure(
        `router bgp ${scenario.routerAsn}`,
        `${isOn ? "" : "no "}neighbor ${address} shutdown`,
      );
      break;
  }
}

function deploymentOf(world: SoakWorld, app: string): JsonObject {
  const labels = { app };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: app },
    spec: {
      replicas: world.apps.get(app) ?? 0,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 5,
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: "kubernetes.io/hostname",
              whenUnsatisfiable: "ScheduleAnyway",
              labelSelector: { matchLabels: labels },
            },
          ],
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
  };
}
