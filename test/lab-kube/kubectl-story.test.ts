import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { run } from "../../lab/command.ts";
import { findKubectl } from "../../lab/kubectl.ts";
import { waitFor } from "../../lab/wait.ts";
import { startCluster } from "../cli/running-cluster.ts";

/** A user's shell: kubectl, and no tool of ours. */
async function shell(t: TestContext): Promise<(line: string, input?: string) => Promise<string>> {
  const { kubeconfigPath } = await startCluster(t);
  const kubectl = await findKubectl(undefined);
  const home = await mkdtemp(join(tmpdir(), "routelb-story-"));
  t.after(() => rm(home, { recursive: true }));
  const env = {
    PATH: `${dirname(kubectl)}:${process.env["PATH"] ?? ""}`,
    HOME: home,
    KUBECONFIG: kubeconfigPath,
  };
  return (line, input = "") => run("sh", ["-c", line], { env, input });
}

const service = (name: string, annotation = ""): string => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, annotations: {${annotation}}}
spec: {type: LoadBalancer, selector: {app: ${name}}, ports: [{port: 80}]}
`;

test("kubectl alone tells why a Service is pending, and what it has once it is not", async (t) => {
  const type = await shell(t);
  const sees = (what: string, line: string, pattern: RegExp) =>
    waitFor(
      async () => {
        const shown = await type(line);
        return pattern.test(shown) ? shown : undefined;
      },
      { what: `${line} shows ${what}`, timeoutMs: 60_000 },
    );

  await type("kubectl apply -f -", service("web", "metallb.io/address-pool: produktion"));
  await sees(
    "that it is pending",
    "kubectl get svc web",
    /^web +LoadBalancer +\S+ +<pending> +80/m,
  );
  const described = await sees("why", "kubectl describe svc web", /Warning .*AllocationFailed/);
  assert.match(described, /Warning +AllocationFailed .*produktion.*my-ip-space/, described);
  const condition = await type(
    `kubectl get svc web -o jsonpath='{.status.conditions[?(@.type=="routelb.io/AddressAssigned")]}'`,
  );
  assert.match(condition, /"status":"False"/);
  assert.match(condition, /produktion/, "the condition says why, too");

  await type("kubectl annotate svc web --overwrite metallb.io/address-pool=my-ip-space");
  await type("kubectl wait svc/web --for=condition=routelb.io/AddressAssigned --timeout=60s");
  await sees("the address", "kubectl get svc web", /^web +LoadBalancer +\S+ +172\.16\.7\.192 +80/m);
  const now = await sees("the Event", "kubectl describe svc web", /Normal .*IPAllocated/);
  assert.match(now, /^Annotations:[\s\S]*routelb\.io\/ip-allocated-from-pool: my-ip-space$/m);
  assert.match(now, /^LoadBalancer Ingress: +172\.16\.7\.192/m);
});

test("a pool that is used up, and a configuration with an error, are told as well", async (t) => {
  const type = await shell(t);
  const edit = (text: string) =>
    type(
      `kubectl -n routelb-system create configmap config --dry-run=client -o yaml --from-literal=config='${text}' | kubectl apply -f -`,
    );
  await edit("address-pools: [{name: tiny, protocol: bgp, addresses: [192.0.2.1/32]}]");
  await type("kubectl apply -f -", service("first"));
  await type("kubectl wait svc/first --for=condition=routelb.io/AddressAssigned --timeout=60s");
  await type("kubectl apply -f -", service("second"));
  const told = await waitFor(
    async () => {
      const shown = await type("kubectl describe svc second");
      return shown.includes("AllocationFailed") ? shown : undefined;
    },
    { what: "the Event of a Service that got nothing", timeoutMs: 60_000 },
  );
  assert.match(told, /Warning +AllocationFailed .*tiny/, told);

  await edit("address-pools: [{name: tiny, protocol: bpg, addresses: [192.0.2.1/32]}]");
  const invalid = await waitFor(
    async () => {
      const shown = await type("kubectl -n routelb-system describe configmap config");
      return shown.includes("InvalidConfig") ? shown : undefined;
    },
    { what: "the Event about the configuration", timeoutMs: 60_000 },
  );
  assert.match(invalid, /Warning +InvalidConfig .*address-pools\[0\]\.protocol.*bpg/, invalid);
});
