import { type KubeApi, KubeError, type KubeObject, listAll } from "../../kube/client.ts";
import { listOf, numberOf, recordOf, textOf } from "../../kube/json.ts";
import type { PodProxy } from "../../kube/pod-proxy.ts";
import { projectPod } from "../../kube/project-placement.ts";
import { resources } from "../../kube/resource.ts";
import { type ControllerView, readControllerState } from "./controller-view.ts";
import { readSpeakerState, type SpeakerView } from "./speaker-view.ts";

/** What our Pods said about themselves. */
export interface Answers {
  /** Sorted by node. */
  readonly speakers: readonly PodAnswer<SpeakerView>[];
  readonly controllers: readonly PodAnswer<ControllerView>[];
  /** Sorted; absent: the Nodes may not be listed. */
  readonly nodesWithoutSpeaker?: readonly string[];
}

export interface PodAnswer<View> {
  readonly pod: string;
  /** Empty while the Pod is not scheduled. */
  readonly node: string;
  readonly outcome:
    | { readonly type: "answered"; readonly view: View }
    /** `why` is a sentence without its full stop. */
    | { readonly type: "silent"; readonly why: string };
}

export interface CollectOptions {
  readonly api: KubeApi;
  readonly proxy: PodProxy;
  readonly namespace: string;
  /** What of `/state` is wanted: `service` for one Service, `only` for a part. */
  readonly query: Readonly<Record<string, string>>;
  /** Of one Pod's answer; d: 1.2 s, so that what 100 nodes say is there within 2 s, dead ones or not. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 1_200;
/**
 * So many Pods are asked at a time. Those that are not Ready come last: they hold their places
 * until the time is over, and nobody who would answer waits for that.
 */
const concurrency = 128;
const defaultPort = 7472;
const portName = "monitoring";

/**
 * Finds the Pods of speakers and controller by their labels and asks each for its `/state`. A Pod
 * that does not answer takes nothing from what the others say.
 *
 * @throws KubeError if the Pods cannot be listed
 */
export async function collectAnswers(options: CollectOptions): Promise<Answers> {
  const { api, namespace } = options;
  const podsOf = (component: string) =>
    listAll(api, resources.pods, {
      namespace,
      labelSelector: `app.kubernetes.io/name=routelb,app.kubernetes.io/component=${component}`,
    });
  const [speakerPods, controllerPods, nodes] = await Promise.all([
    podsOf("speaker"),
    podsOf("controller"),
    nodeNames(api),
  ]);
  const limit = new Limit(concurrency);
  const askEach = <View>(
    pods: readonly KubeObject[],
    read: (state: unknown) => View | undefined,
  ) => {
    const readyFirst = pods.toSorted((a, b) => Number(isReady(b)) - Number(isReady(a)));
    return Promise.all(readyFirst.map((pod) => limit.run(() => ask(options, pod, read))));
  };
  const [controllers, speakers] = await Promise.all([
    askEach(controllerPods, readControllerState),
    askEach(speakerPods, readSpeakerState),
  ]);
  const withSpeaker = new Set(speakers.map(({ node }) => node));
  const nodesWithoutSpeaker = nodes
    ?.filter((name) => !withSpeaker.has(name))
    .toSorted(compareNodes);
  return {
    speakers: speakers.toSorted((a, b) => compareNodes(a.node, b.node)),
    controllers,
    ...(nodesWithoutSpeaker === undefined ? {} : { nodesWithoutSpeaker }),
  };
}

/** Undefined where they may not be listed: the answer is then only a little poorer. */
async function nodeNames(api: KubeApi): Promise<readonly string[] | undefined> {
  try {
    return (await listAll(api, resources.nodes)).map(({ metadata }) => metadata.name);
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) {
      return undefined;
    }
    throw error;
  }
}

function isReady(pod: KubeObject): boolean {
  return projectPod(pod).isReady;
}

async function ask<View>(
  { proxy, namespace, query, timeoutMs = defaultTimeoutMs }: CollectOptions,
  pod: KubeObject,
  read: (state: unknown) => View | undefined,
): Promise<PodAnswer<View>> {
  const { name } = pod.metadata;
  const from = { pod: name, node: projectPod(pod).nodeName ?? "" };
  const silent = (why: string) => ({ ...from, outcome: { type: "silent", why } }) as const;
  const phase = textOf(recordOf(pod["status"])["phase"]);
  if (phase !== "Running") {
    return silent(`the Pod is ${phase ?? "not there yet"}`);
  }
  const request = { namespace, pod: name, port: portOf(pod), path: "/state", query };
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const view = read(await proxy.getJson(request, { signal }));
    return view === undefined
      ? silent("what it answers is no state of RouteLB")
      : { ...from, outcome: { type: "answered", view } };
  } catch (error) {
    return silent(describeFailure(error, timeoutMs));
  }
}

function describeFailure(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === "TimeoutError") {
    return `no answer within ${timeoutMs / 1_000} s`;
  }
  if (error instanceof KubeError && error.status === 403) {
    return "you may not get pods/proxy in the namespace of RouteLB";
  }
  if (error instanceof KubeError && error.status === 404) {
    return "it has no /state (--state off)";
  }
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^GET \S+: /, "");
}

/** Of the container port that our manifests call `monitoring`. */
function portOf(pod: KubeObject): number {
  const ports = listOf(recordOf(pod["spec"])["containers"])
    .flatMap((container) => listOf(recordOf(container)["ports"]))
    .map(recordOf);
  const found = ports.find(({ name }) => name === portName);
  return numberOf(found?.["containerPort"]) ?? defaultPort;
}

/** Lets at most `size` of what it is given run at a time. */
class Limit {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(size: number) {
    this.#free = size;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free === 0) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    } else {
      this.#free -= 1;
    }
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) {
        this.#free += 1;
      } else {
        next();
      }
    }
  }
}

const collator = new Intl.Collator("en", { numeric: true });

/** node2 before node10. */
export function compareNodes(a: string, b: string): number {
  return collator.compare(a, b);
}
