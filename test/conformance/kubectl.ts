import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { attempt, run } from "../../lab/command.ts";
import type { JsonObject } from "../../lab/kube/json.ts";
import { create, makeNamespace, servicesPath } from "./objects.ts";
import { ask, mergePatch, type Target } from "./target.ts";

export interface KubectlTarget extends Target {
  /** The program to run. */
  readonly kubectl: string;
  /** A kubeconfig file for it. */
  readonly kubeconfig: string;
}

/** What an operator reads and types. */
export function kubectlConformance(target: () => KubectlTarget): void {
  test("get svc shows a Service without an address as pending", async () => {
    const namespace = await makeNamespace(target());
    await create(target(), servicesPath(namespace), service);
    assert.deepEqual(await table(target(), namespace, "get", "svc"), [
      ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"],
      ["web", "LoadBalancer", "10.96.N.N", "<pending>", "80:3NNNN/TCP", "Ns"],
    ]);
  });

  test("get svc -o wide shows the address and the selector", async () => {
    const namespace = await makeNamespace(target());
    await create(target(), servicesPath(namespace), service);
    await giveAddress(target(), namespace);
    assert.deepEqual(await table(target(), namespace, "get", "svc", "-o", "wide"), [
      ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR"],
      ["web", "LoadBalancer", "10.96.N.N", "192.0.2.1", "80:3NNNN/TCP", "Ns", "app=web"],
    ]);
  });

  test("get pods shows their phase, and with -o wide their address and node", async () => {
    const namespace = await makeNamespace(target());
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await create(target(), path, pod);
    const body = { status: runningStatus };
    await ask(target(), "PATCH", `${path}/web/status`, { body, contentType: mergePatch });
    assert.deepEqual(await table(target(), namespace, "get", "pods", "-o", "wide"), [
      "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED_NODE READINESS_GATES".split(" "),
      ["web", "1/1", "Running", "0", "Ns", "10.244.1.2", "no-node", "<none>", "<none>"],
    ]);
  });

  test("get deployments, configmaps and endpointslices have their own columns", async () => {
    const namespace = await makeNamespace(target());
    await create(target(), `/apis/apps/v1/namespaces/${namespace}/deployments`, deployment);
    await create(target(), `/api/v1/namespaces/${namespace}/configmaps`, configMap);
    const slices = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    await create(target(), slices, endpointSlice);
    assert.deepEqual(await table(target(), namespace, "get", "deployment", "idle"), [
      ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"],
      ["idle", "0/0", "0", "0", "Ns"],
    ]);
    assert.deepEqual(await table(target(), namespace, "get", "cm", "settings"), [
      ["NAME", "DATA", "AGE"],
      ["settings", "1", "Ns"],
    ]);
    assert.deepEqual(await table(target(), namespace, "get", "endpointslices"), [
      ["NAME", "ADDRESSTYPE", "PORTS", "ENDPOINTS", "AGE"],
      ["web-1", "IPv4", "8080", "10.244.1.2,10.244.2.2", "Ns"],
    ]);
  });

  test("describe svc shows the address, the policy and the Events", async () => {
    const namespace = await makeNamespace(target());
    const { metadata } = await create(target(), servicesPath(namespace), service);
    await giveAddress(target(), namespace);
    await create(
      target(),
      `/api/v1/namespaces/${namespace}/events`,
      eventAbout(namespace, metadata),
    );
    const text = await kubectl(target(), namespace, "describe", "svc", "web");
    assert.match(text, /^Name: +web$/m);
    assert.match(text, /^Type: +LoadBalancer$/m);
    assert.match(text, /^LoadBalancer Ingress: +192\.0\.2\.1( \(VIP\))?$/m);
    assert.match(text, /^External Traffic Policy: +Cluster$/m);
    assert.match(text, /^ +Normal +IPAllocated +\S+.* +conformance +assigned 192\.0\.2\.1$/m);
  });

  test("get events shows reason, object and message", async () => {
    const namespace = await makeNamespace(target());
    const { metadata } = await create(target(), servicesPath(namespace), service);
    await create(
      target(),
      `/api/v1/namespaces/${namespace}/events`,
      eventAbout(namespace, metadata),
    );
    const text = await kubectl(target(), namespace, "get", "events");
    assert.match(text, /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE$/m);
    assert.match(text, /^\S+ +Normal +IPAllocated +service\/web +assigned 192\.0\.2\.1$/m);
  });

  test("what an operator types is done and said", async () => {
    const namespace = await makeNamespace(target());
    const at = (...args: string[]) => kubectl(target(), namespace, ...args);
    const input = JSON.stringify(service);
    const args = flags(target(), namespace, "create", "-f", "-");
    assert.equal(await run(target().kubectl, args, { input }), "service/web created\n");
    await create(target(), `/apis/apps/v1/namespaces/${namespace}/deployments`, deployment);
    assert.equal(await at("label", "svc", "web", "a=b"), "service/web labeled\n");
    assert.equal(await at("annotate", "svc", "web", "a=b"), "service/web annotated\n");
    assert.equal(
      await at("scale", "deploy", "idle", "--replicas=0"),
      "deployment.apps/idle scaled\n",
    );
    assert.match(await at("delete", "svc", "web"), /^service "web" deleted/);
    assert.equal(await at("get", "svc", "--ignore-not-found", "web"), "");
  });

  test("cordon marks a node, and get nodes shows it", async () => {
    const namespace = await makeNamespace(target());
    const name = `node-${namespace}`;
    await create(target(), "/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name } });
    try {
      const body = { status: { conditions: [{ type: "Ready", status: "True" }] } };
      await ask(target(), "PATCH", `/api/v1/nodes/${name}/status`, {
        body,
        contentType: mergePatch,
      });
      assert.equal(await kubectl(target(), namespace, "cordon", name), `node/${name} cordoned\n`);
      assert.deepEqual(await table(target(), namespace, "get", "node", name), [
        ["NAME", "STATUS", "ROLES", "AGE", "VERSION"],
        [name, "Ready,SchedulingDisabled", "<none>", "Ns"],
      ]);
      assert.equal(
        await kubectl(target(), namespace, "uncordon", name),
        `node/${name} uncordoned\n`,
      );
    } finally {
      await ask(target(), "DELETE", `/api/v1/nodes/${name}`);
    }
  });

  test("what does not exist is said the way kubectl says it", async () => {
    const namespace = await makeNamespace(target());
    const args = flags(target(), namespace, "get", "svc", "absent");
    const { ok, text } = await attempt(target().kubectl, args);
    assert.ok(!ok);
    assert.match(text, /Error from server \(NotFound\): services "absent" not found/);
  });

  test("get svc -w prints a line for each change", async () => {
    const namespace = await makeNamespace(target());
    const args = flags(target(), namespace, "get", "svc", "-w");
    const watch = spawn(target().kubectl, args, { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await create(target(), servicesPath(namespace), service);
      const lines = watch.stdout.setEncoding("utf8");
      let seen = "";
      for await (const chunk of lines) {
        seen += chunk;
        if (seen.includes("<pending>") && !seen.includes("192.0.2.1")) {
          await giveAddress(target(), namespace);
        }
        if (seen.includes("192.0.2.1")) break;
      }
      assert.match(seen, /^NAME +TYPE .*\nweb .*<pending>.*\nweb .* 192\.0\.2\.1 /);
    } finally {
      watch.kill("SIGKILL");
    }
  });
}

const service: JsonObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web" },
  spec: { type: "LoadBalancer", selector: { app: "web" }, ports: [{ port: 80 }] },
};
const container = { name: "web", image: "nginx" };
const pod: JsonObject = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web" },
  spec: { nodeName: "no-node", containers: [container] },
};
const runningStatus: JsonObject = {
  phase: "Running",
  podIP: "10.244.1.2",
  podIPs: [{ ip: "10.244.1.2" }],
  conditions: [{ type: "Ready", status: "True" }],
  containerStatuses: [
    {
      name: "web",
      image: "nginx",
      imageID: "nginx",
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: "2026-01-01T00:00:00Z" } },
    },
  ],
};
const deployment: JsonObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "idle" },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: "idle" } },
    template: { metadata: { labels: { app: "idle" } }, spec: { containers: [container] } },
  },
};
const configMap: JsonObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings" },
  data: { config: "" },
};
const endpointSlice: JsonObject = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: "web-1", labels: { "kubernetes.io/service-name": "web" } },
  addressType: "IPv4",
  ports: [{ port: 8080 }],
  endpoints: [{ addresses: ["10.244.1.2"] }, { addresses: ["10.244.2.2"] }],
};

function eventAbout(namespace: string, metadata: unknown): JsonObject {
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const uid =
    typeof metadata === "object" && metadata !== null && "uid" in metadata ? metadata.uid : "";
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "web.1", namespace },
    involvedObject: { apiVersion: "v1", kind: "Service", namespace, name: "web", uid: String(uid) },
    type: "Normal",
    reason: "IPAllocated",
    message: "assigned 192.0.2.1",
    count: 1,
    firstTimestamp: now,
    lastTimestamp: now,
    source: { component: "conformance" },
  };
}

async function giveAddress(target: Target, namespace: string): Promise<void> {
  const body = { status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } };
  const path = servicesPath(namespace, "web", "status");
  assert.equal((await ask(target, "PATCH", path, { body, contentType: mergePatch })).status, 200);
}

function flags(target: KubectlTarget, namespace: string, ...args: string[]): string[] {
  const { kubeconfig } = target;
  const cache = join(dirname(kubeconfig), "kubectl-cache");
  return ["--kubeconfig", kubeconfig, "--cache-dir", cache, "-n", namespace, ...args];
}

function kubectl(target: KubectlTarget, namespace: string, ...args: string[]): Promise<string> {
  return run(target.kubectl, flags(target, namespace, ...args));
}

/** A table's cells, with what differs from run to run made equal. */
async function table(
  target: KubectlTarget,
  namespace: string,
  ...args: string[]
): Promise<string[][]> {
  const text = await kubectl(target, namespace, ...args);
  return text
    .replace("NOMINATED NODE", "NOMINATED_NODE")
    .replace("READINESS GATES", "READINESS_GATES")
    .trimEnd()
    .split("\n")
    .map((line) =>
      line
        .trimEnd()
        .split(/ {2,}| /)
        .map(withoutChance),
    );
}

function withoutChance(cell: string): string {
  return cell
    .replace(/^10\.96\.\d+\.\d+$/, "10.96.N.N")
    .replace(/^(\d+):3\d{4}\//, "$1:3NNNN/")
    .replace(/^\d+s$/, "Ns");
}
