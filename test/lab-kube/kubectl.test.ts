import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { attempt, run } from "../../lab/command.ts";
import { makeEvent } from "../../lab/kube/event-view.ts";
import { isObject, listAt, parseJson, textAt } from "../../lab/kube/json.ts";
import type { ApiServer } from "../../lab/kube/server.ts";
import { findKubectl } from "../../lab/kubectl.ts";
import { nextTurn } from "../../src/runtime/clock.ts";
import { startCluster } from "./running-cluster.ts";

const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: nginx}
spec:
  replicas: 2
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec:
      containers:
      - {name: nginx, image: nginx, ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: nginx}
spec: {type: LoadBalancer, selector: {app: nginx}, ports: [{port: 80}]}
`;

// The oldest that we promise, and the one that this machine has (the same, if it has none).
for (const wanted of ["debian", undefined]) {
  describe(wanted === "debian" ? "Debian's kubectl" : "the kubectl in PATH", () => {
    operatorTests(wanted);
  });
}

function operatorTests(wanted: string | undefined): void {
  let server: ApiServer;
  let program: string;
  let home: string;

  before(async () => {
    program = await findKubectl(wanted);
    home = await mkdtemp(join(tmpdir(), "routelb-kubectl-"));
    server = await startCluster();
  });

  after(async () => {
    await server.close();
    await rm(home, { recursive: true });
  });

  const flags = (args: readonly string[]): readonly string[] => [`--server=${server.url}`, ...args];
  const environment = () => ({ PATH: process.env["PATH"], HOME: home, KUBECONFIG: "/dev/null" });
  const kubectl = (...args: readonly string[]): Promise<string> =>
    run(program, flags(args), { env: environment() });
  const kubectlWith = (input: string, ...args: readonly string[]): Promise<string> =>
    run(program, flags(args), { env: environment(), input });
  const heading = (table: string): string => (table.split("\n")[0] ?? "").replaceAll(/ {2,}/g, "|");

  test("create -f makes a Deployment and a Service; rollout status waits for the Pods", async () => {
    const created = await kubectlWith(manifest, "create", "-f", "-");
    assert.equal(created, "deployment.apps/nginx created\nservice/nginx created\n");
    const rolled = await kubectl("rollout", "status", "deployment/nginx", "--timeout=20s");
    assert.match(rolled, /deployment "nginx" successfully rolled out\n$/);
    const pods = await kubectl("get", "pods", "-o", "wide", "--no-headers");
    assert.match(
      pods,
      /^nginx-[a-z0-9]+-[a-z0-9]{5} +1\/1 +Running +0 +\d+s +10\.244\.1\.\d+ +node\d /,
    );
    assert.deepEqual(
      pods.match(/node\d/g)?.toSorted((a, b) => (a < b ? -1 : 1)),
      ["node1", "node2"],
    );
  });

  test("get has the columns of the real server", async () => {
    const columns = {
      services: "NAME|TYPE|CLUSTER-IP|EXTERNAL-IP|PORT(S)|AGE|SELECTOR",
      nodes:
        "NAME|STATUS|ROLES|AGE|VERSION|INTERNAL-IP|EXTERNAL-IP|OS-IMAGE|KERNEL-VERSION|CONTAINER-RUNTIME",
      pods: "NAME|READY|STATUS|RESTARTS|AGE|IP|NODE|NOMINATED NODE|READINESS GATES",
      deployments: "NAME|READY|UP-TO-DATE|AVAILABLE|AGE|CONTAINERS|IMAGES|SELECTOR",
      replicasets: "NAME|DESIRED|CURRENT|READY|AGE|CONTAINERS|IMAGES|SELECTOR",
      endpointslices: "NAME|ADDRESSTYPE|PORTS|ENDPOINTS|AGE",
      namespaces: "NAME|STATUS|AGE",
      events: "LAST SEEN|TYPE|REASON|OBJECT|SUBOBJECT|SOURCE|MESSAGE|FIRST SEEN|COUNT|NAME",
    };
    for (const [resource, wantedColumns] of Object.entries(columns)) {
      const table = await kubectl("get", resource, "-o", "wide");
      assert.equal(heading(table).replaceAll(/ \|/g, "|"), wantedColumns, resource);
    }
  });

  test("get -o yaml, json and jsonpath show the object", async () => {
    assert.match(await kubectl("get", "svc", "nginx", "-o", "yaml"), /^kind: Service$/m);
    const list = parseJson(await kubectl("get", "svc", "-o", "json"));
    assert.ok(isObject(list));
    assert.equal(textAt(listAt(list, "items")[0], "kind"), "Service");
    assert.equal(
      await kubectl("get", "svc", "nginx", "-o", "jsonpath={.spec.type}"),
      "LoadBalancer",
    );
  });

  test("describe svc shows addresses, endpoints and Events", async () => {
    const status = { loadBalancer: { ingress: [{ ip: "172.16.7.192" }] } };
    const service = server.objects.patch("services", "default/nginx", { status }, "status");
    const message = "assigned 172.16.7.192";
    server.objects.create(
      makeEvent(service, "routelb-controller", "Normal", "IPAllocated", message, Date.now()),
    );
    const text = await kubectl("describe", "svc", "nginx");
    assert.match(text, /^LoadBalancer Ingress: +172\.16\.7\.192/m);
    assert.match(text, /^Endpoints: +10\.244\.1\.\d+:80,10\.244\.1\.\d+:80$/m);
    assert.match(text, /Normal +IPAllocated +\S+ +routelb-controller +assigned 172\.16\.7\.192$/m);
    assert.match(await kubectl("get", "svc", "nginx"), /172\.16\.7\.192 +80:3\d{4}\/TCP/);
  });

  test("describe of nodes, Pods and Deployments works", async () => {
    assert.match(
      await kubectl("describe", "node", "node1"),
      /^Non-terminated Pods: +\(1 in total\)$/m,
    );
    assert.match(await kubectl("describe", "pods"), /^Controlled By: +ReplicaSet\/nginx-/m);
    const text = await kubectl("describe", "deployment", "nginx");
    assert.match(text, /^NewReplicaSet: +nginx-\w+ \(2\/2 replicas created\)$/m);
    assert.match(text, /ScalingReplicaSet/);
  });

  test("scale, rollout restart and undo change what runs", async () => {
    assert.equal(
      await kubectl("scale", "deployment", "nginx", "--replicas=3"),
      "deployment.apps/nginx scaled\n",
    );
    await kubectl("rollout", "status", "deployment/nginx", "--timeout=20s");
    assert.match(await kubectl("get", "deployment", "nginx"), /^nginx +3\/3 +3 +3 /m);
    await kubectl("rollout", "restart", "deployment/nginx");
    await kubectl("rollout", "status", "deployment/nginx", "--timeout=20s");
    assert.match(await kubectl("rollout", "history", "deployment/nginx"), /^2 +<none>$/m);
    await kubectl("rollout", "undo", "deployment/nginx");
    await kubectl("rollout", "status", "deployment/nginx", "--timeout=20s");
    assert.match(await kubectl("rollout", "history", "deployment/nginx"), /^3 +<none>$/m);
  });

  test("apply creates, leaves alone, and changes what differs", async () => {
    const file = join(home, "manifest.yaml");
    const own = manifest.replaceAll("nginx", "web");
    await writeFile(file, own);
    assert.match(await kubectl("apply", "-f", file), /service\/web created/);
    assert.equal(
      await kubectl("apply", "-f", file),
      "deployment.apps/web unchanged\nservice/web unchanged\n",
    );
    const node = await kubectl("get", "svc", "web", "-o", "jsonpath={.spec.ports[0].nodePort}");
    await writeFile(file, own.replace("port: 80}]}", "port: 80, targetPort: 8080}]}"));
    assert.match(await kubectl("apply", "-f", file), /service\/web configured/);
    const path = "jsonpath={.spec.ports[0].targetPort} {.spec.ports[0].nodePort}";
    assert.equal(await kubectl("get", "svc", "web", "-o", path), `8080 ${node}`);
    assert.match(await kubectl("delete", "-f", file), /service "web" deleted/);
  });

  test("label, annotate, cordon and taint change objects", async () => {
    assert.equal(await kubectl("label", "svc", "nginx", "a=b"), "service/nginx labeled\n");
    assert.equal(await kubectl("annotate", "svc", "nginx", "a=b"), "service/nginx annotated\n");
    assert.equal(await kubectl("get", "svc", "-l", "a=b", "-o", "name"), "service/nginx\n");
    assert.equal(
      await kubectl("label", "svc", "nginx", "a-").then((text) => text.split(" ")[0]),
      "service/nginx",
    );
    assert.equal(await kubectl("get", "svc", "-l", "a=b", "-o", "name"), "");
    assert.equal(await kubectl("cordon", "node1"), "node/node1 cordoned\n");
    assert.match(await kubectl("get", "node", "node1"), /Ready,SchedulingDisabled/);
    assert.equal(await kubectl("uncordon", "node1"), "node/node1 uncordoned\n");
    await kubectl("taint", "node", "node1", "a=b:NoSchedule");
    assert.match(await kubectl("describe", "node", "node1"), /^Taints: +a=b:NoSchedule$/m);
    await kubectl("taint", "node", "node1", "a-");
  });

  test("the create and expose commands make their objects", async () => {
    await kubectl("create", "namespace", "prod");
    await kubectl("create", "configmap", "settings", "--from-literal=key=value", "-n", "prod");
    assert.equal(
      await kubectl("get", "cm", "settings", "-n", "prod", "-o", "jsonpath={.data.key}"),
      "value",
    );
    await kubectl("create", "secret", "generic", "peers", "--from-literal=rack=s3cret");
    const secret = await kubectl("get", "secret", "peers", "-o", "jsonpath={.data.rack}");
    assert.equal(Buffer.from(secret, "base64").toString(), "s3cret");
    await kubectl("create", "service", "loadbalancer", "tcp", "--tcp=443:8443");
    const path = "jsonpath={.spec.ports[0].port} {.spec.ports[0].targetPort}";
    assert.equal(await kubectl("get", "svc", "tcp", "-o", path), "443 8443");
    await kubectl("create", "deployment", "idle", "--image=nginx", "--replicas=0");
    await kubectl("expose", "deployment", "idle", "--port=80", "--type=LoadBalancer");
    assert.match(await kubectl("get", "svc", "idle"), /<pending>/);
    const deleted = await kubectl("delete", "namespace", "prod", "--timeout=20s");
    assert.match(deleted, /namespace "prod" deleted/);
  });

  test("a mistake is told as the real server tells it", async () => {
    const bad =
      "apiVersion: v1\nkind: Service\nmetadata: {name: Bad}\nspec: {type: LoadBalancer}\n";
    const file = join(home, "bad.yaml");
    await writeFile(file, bad);
    const { ok, text } = await attempt(program, flags(["create", "-f", file]), {
      env: environment(),
    });
    assert.ok(!ok);
    assert.match(text, /The Service "Bad" is invalid:/);
    assert.match(text, /metadata\.name: Invalid value: "Bad": a DNS-1035 label must consist of/);
    assert.match(text, /spec\.ports: Required value/);
    await writeFile(
      file,
      bad.replace("Bad", "good").replace("type:", "ports: [{prot: 80}], type:"),
    );
    const misspelt = await attempt(program, flags(["create", "-f", file]), { env: environment() });
    assert.match(misspelt.text, /spec\.ports\[0\]\.(prot|port)/);
  });

  test("get -w prints a line for each change, under one heading", async () => {
    const child = spawn(program, flags(["get", "svc", "nginx", "-w"]), {
      env: environment(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    let seen = "";
    try {
      for await (const chunk of child.stdout.setEncoding("utf8")) {
        seen += chunk;
        if (/172\.16\.7\.193.*\n/.test(seen)) {
          break;
        }
        // Of one object, kubectl swallows what happens before its watch is open.
        while (server.watches.count() === 0) {
          await nextTurn();
        }
        const ingress = [{ ip: "172.16.7.193" }];
        server.objects.patch(
          "services",
          "default/nginx",
          { status: { loadBalancer: { ingress } } },
          "status",
        );
      }
    } finally {
      child.kill("SIGKILL");
    }
    assert.match(seen, /^NAME .*\nnginx .* 172\.16\.7\.192 .*\nnginx .* 172\.16\.7\.193 .*\n$/);
  });

  test("delete takes the Deployment, its ReplicaSets and its Pods away", async () => {
    assert.match(await kubectl("delete", "deployment", "nginx"), /"nginx" deleted/);
    await kubectl("wait", "--for=delete", "pods", "-l", "app=nginx", "--timeout=20s").catch(
      // 1.20 fails where there is nothing left to wait for.
      () => undefined,
    );
    assert.equal(await kubectl("get", "rs,pods", "-l", "app=nginx", "-o", "name"), "");
  });
}
