import { makeCluster } from "../../lab/kube/cluster.ts";
import { startControllers } from "../../lab/kube/controllers/controllers.ts";
import { type JsonObject, textAt } from "../../lab/kube/json.ts";
import type { Objects } from "../../lab/kube/objects.ts";
import { keyOf } from "../../lab/kube/store.ts";
import { formatMicroTime } from "../../lab/kube/time.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** A cluster with all lab controllers, on a clock that the test moves. */
export class LabCluster {
  readonly objects: Objects;
  readonly clock = new ManualClock();
  readonly errors: unknown[] = [];
  readonly #deferred: (() => void)[] = [];

  constructor() {
    const random = makeRandom(7);
    this.objects = makeCluster({ clock: this.clock, random }).objects;
    startControllers(
      {
        objects: this.objects,
        clock: this.clock,
        defer: (callback) => this.#deferred.push(callback),
        report: (error) => this.errors.push(error),
      },
      { nodeMonitorGracePeriodSeconds: 4 },
    );
  }

  /** Lets the controllers work until they have nothing more to do. */
  settle(): void {
    for (let turn = 0; turn < 10_000; turn += 1) {
      const callback = this.#deferred.shift();
      if (callback === undefined) {
        return;
      }
      callback();
    }
    throw new Error("the controllers do not come to rest");
  }

  /** Lets time pass in small steps, while nodes outside of `silent` renew their Leases. */
  pass(seconds: number, ...silent: readonly string[]): void {
    for (let step = 0; step < seconds * 2; step += 1) {
      this.clock.advance(500);
      this.heartbeat(...silent);
      this.settle();
    }
  }

  heartbeat(...silent: readonly string[]): void {
    for (const node of this.objects.list("nodes")) {
      const name = textAt(node, "metadata", "name") ?? "";
      if (!silent.includes(name)) {
        this.objects.apply({
          apiVersion: "coordination.k8s.io/v1",
          kind: "Lease",
          metadata: { name, namespace: "kube-node-lease" },
          spec: { holderIdentity: name, renewTime: formatMicroTime(this.clock.wallTime()) },
        });
      }
    }
  }

  addNodes(...names: readonly string[]): void {
    for (const name of names) {
      this.objects.apply({
        apiVersion: "v1",
        kind: "Node",
        metadata: { name, labels: { "kubernetes.io/hostname": name } },
        status: {
          conditions: [{ type: "Ready", status: "True", reason: "KubeletReady" }],
        },
      });
    }
    this.heartbeat();
  }

  /** Plays the kubelets: bound Pods run, terminating ones end. */
  runPods(): void {
    this.settle();
    for (const pod of this.objects.list("pods")) {
      const key = keyOf(pod);
      if (textAt(pod, "metadata", "deletionTimestamp") !== undefined) {
        this.objects.delete("pods", key, { gracePeriodSeconds: 0 });
      } else if (
        textAt(pod, "spec", "nodeName") !== undefined &&
        textAt(pod, "status", "podIP") === undefined
      ) {
        this.objects.apply({ ...pod, status: this.#runningStatus() });
      }
    }
    this.settle();
  }

  /** Runs Pods until nothing changes any more. */
  converge(): void {
    for (let turn = 0; turn < 100; turn += 1) {
      const before = this.#versions();
      this.runPods();
      if (this.#versions() === before) {
        return;
      }
    }
    throw new Error("the Pods do not come to rest");
  }

  #versions(): string {
    return ["pods", "replicasets", "deployments", "daemonsets"]
      .flatMap((plural) => this.objects.list(plural))
      .map((object) => textAt(object, "metadata", "resourceVersion"))
      .join();
  }

  #addresses = 0;

  #runningStatus(): JsonObject {
    this.#addresses += 1;
    const ip = `10.244.0.${this.#addresses}`;
    return {
      phase: "Running",
      podIP: ip,
      podIPs: [{ ip }, { ip: `fd00:10:244::${this.#addresses.toString(16)}` }],
      conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }],
    };
  }
}

/** A linear congruential generator: the same numbers in every run. */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function deployment(name: string, replicas: number, spec: JsonObject = {}): JsonObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: podTemplate(name, "nginx"),
      ...spec,
    },
  };
}

export function podTemplate(name: string, image: string, spec: JsonObject = {}): JsonObject {
  return {
    metadata: { labels: { app: name } },
    spec: {
      containers: [{ name, image, ports: [{ name: "http", containerPort: 8080 }] }],
      ...spec,
    },
  };
}
