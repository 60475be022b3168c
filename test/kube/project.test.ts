import assert from "node:assert/strict";
import { test } from "node:test";
import {
  projectConfigMap,
  projectEndpointSlice,
  projectNamespace,
  projectNode,
  projectSecret,
  projectService,
} from "../../src/kube/project.ts";
import { kubeObjectOf } from "../../src/kube/watch-lines.ts";

/** As an API server of 1.36 sends it, shortened. */
const service = {
  metadata: {
    name: "nginx",
    namespace: "web",
    uid: "5f0c",
    resourceVersion: "812",
    creationTimestamp: "2026-01-02T03:04:05Z",
    labels: { app: "nginx" },
    annotations: {
      "kubectl.kubernetes.io/last-applied-configuration": "{ long }",
      "metallb.io/address-pool": "gold",
      "routelb.io/med": "5",
    },
    managedFields: [
      {
        manager: "kubectl-client-side-apply",
        operation: "Update",
        time: "2026-01-02T03:04:05Z",
        fieldsV1: { "f:spec": { "f:type": {} } },
      },
      {
        manager: "k3s",
        operation: "Update",
        subresource: "status",
        time: "2026-01-02T03:05:00Z",
        fieldsV1: { "f:status": { "f:loadBalancer": { "f:ingress": {} } } },
      },
      {
        manager: "routelb-controller",
        operation: "Update",
        subresource: "status",
        time: "2026-01-02T03:04:50Z",
        fieldsV1: { "f:status": { "f:loadBalancer": {}, "f:conditions": {} } },
      },
    ],
  },
  spec: {
    type: "LoadBalancer",
    clusterIP: "10.96.0.9",
    clusterIPs: ["10.96.0.9", "fd00::9"],
    ipFamilies: ["IPv4", "IPv6"],
    ipFamilyPolicy: "PreferDualStack",
    externalTrafficPolicy: "Local",
    healthCheckNodePort: 31_000,
    loadBalancerIP: "",
    selector: { tier: "front", app: "nginx" },
    ports: [{ port: 80, protocol: "TCP" }, { port: 53, protocol: "UDP" }, { port: 443 }],
  },
  status: {
    loadBalancer: { ingress: [{ ip: "172.16.7.192", ipMode: "VIP" }, { hostname: "lb" }] },
    conditions: [
      {
        type: "routelb.io/AddressAssigned",
        status: "True",
        reason: "Assigned",
        message: "",
        observedGeneration: 2,
        lastTransitionTime: "2026-01-02T03:04:06Z",
      },
    ],
  },
};

test("a Service keeps what decisions need, and no more", () => {
  assert.deepEqual(projectService(kubeObjectOf(service)), {
    key: "web/nginx",
    namespace: "web",
    name: "nginx",
    uid: "5f0c",
    resourceVersion: "812",
    creationSeconds: 1_767_323_045,
    deleting: false,
    labels: { app: "nginx" },
    annotations: { "metallb.io/address-pool": "gold", "routelb.io/med": "5" },
    type: "LoadBalancer",
    clusterIPs: ["10.96.0.9", "fd00::9"],
    ipFamilies: ["ipv4", "ipv6"],
    ipFamilyPolicy: "PreferDualStack",
    externalTrafficPolicy: "Local",
    healthCheckNodePort: 31_000,
    ports: ["TCP:443", "TCP:80", "UDP:53"],
    selectorText: "app=nginx,tier=front",
    ingress: [{ ip: "172.16.7.192", ipMode: "VIP" }, { hostname: "lb" }],
    conditions: service.status.conditions,
    ingressManager: "k3s",
  });
});

test("what a Service does not say is what Kubernetes takes for it", () => {
  const bare = {
    metadata: { name: "a", namespace: "b", deletionTimestamp: "2026-01-01T00:00:00Z" },
  };
  assert.deepEqual(projectService(kubeObjectOf(bare)), {
    key: "b/a",
    namespace: "b",
    name: "a",
    uid: "",
    resourceVersion: "",
    creationSeconds: 0,
    deleting: true,
    labels: {},
    annotations: {},
    type: "ClusterIP",
    clusterIPs: [],
    ipFamilies: [],
    ipFamilyPolicy: "SingleStack",
    externalTrafficPolicy: "Cluster",
    ports: [],
    selectorText: "",
    ingress: [],
    conditions: [],
  });
});

test("a Service of a server without clusterIPs has its one clusterIP", () => {
  const old = { metadata: { name: "a", namespace: "b" }, spec: { clusterIP: "10.0.0.1" } };
  assert.deepEqual(projectService(kubeObjectOf(old)).clusterIPs, ["10.0.0.1"]);
});

test("a Node keeps addresses, labels and what tells that it leaves", () => {
  const node = {
    metadata: {
      name: "node1",
      uid: "77",
      labels: { rack: "a" },
      annotations: { "routelb.io/drain": "", other: "x" },
    },
    spec: { unschedulable: true, taints: [{ key: "ToBeDeletedByClusterAutoscaler", value: "1" }] },
    status: {
      addresses: [
        { type: "Hostname", address: "node1" },
        { type: "InternalIP", address: "172.16.7.11" },
        { type: "InternalIP", address: "not an address" },
        { type: "InternalIP", address: "FD00::B" },
        { type: "ExternalIP", address: "203.0.113.1" },
      ],
      conditions: [
        { type: "Ready", status: "False" },
        { type: "NetworkUnavailable", status: "True" },
      ],
    },
  };
  const { internalAddresses, ...rest } = projectNode(kubeObjectOf(node));
  assert.deepEqual(
    internalAddresses.map(({ text }) => text),
    ["172.16.7.11", "fd00::b"],
  );
  assert.deepEqual(rest, {
    name: "node1",
    uid: "77",
    labels: { rack: "a" },
    drainAnnotation: "",
    unschedulable: true,
    taints: ["ToBeDeletedByClusterAutoscaler"],
    networkUnavailable: true,
  });
});

test("an EndpointSlice keeps its endpoints, with the defaults of their conditions", () => {
  const slice = {
    metadata: {
      name: "nginx-1",
      namespace: "web",
      labels: { "kubernetes.io/service-name": "nginx" },
    },
    addressType: "IPv4",
    endpoints: [
      { addresses: ["10.244.1.2"], nodeName: "node1", conditions: {} },
      { addresses: ["10.244.2.2"], conditions: { ready: false } },
      {
        addresses: ["10.244.3.2"],
        nodeName: "node3",
        conditions: { ready: false, serving: true, terminating: true },
      },
      { addresses: [] },
    ],
  };
  assert.deepEqual(projectEndpointSlice(kubeObjectOf(slice)), {
    key: "web/nginx-1",
    serviceKey: "web/nginx",
    family: "ipv4",
    endpoints: [
      { address: "10.244.1.2", nodeName: "node1", ready: true, serving: true, terminating: false },
      { address: "10.244.2.2", ready: false, serving: false, terminating: false },
      { address: "10.244.3.2", nodeName: "node3", ready: false, serving: true, terminating: true },
    ],
  });
});

test("a slice of no Service, or of host names, is of no interest", () => {
  const labels = { "kubernetes.io/service-name": "nginx" };
  const orphan = { metadata: { name: "a", namespace: "b" }, addressType: "IPv4" };
  const names = { metadata: { name: "a", namespace: "b", labels }, addressType: "FQDN" };
  assert.equal(projectEndpointSlice(kubeObjectOf(orphan)), undefined);
  assert.equal(projectEndpointSlice(kubeObjectOf(names)), undefined);
});

test("a ConfigMap keeps its texts, a Secret is decoded, a Namespace is its labels", () => {
  const metadata = { name: "config", namespace: "routelb-system", uid: "9", resourceVersion: "4" };
  const annotations = {
    "routelb.io/allow-renumbering": "true",
    "kubectl.kubernetes.io/last-applied-configuration": "long",
  };
  const map = { metadata: { ...metadata, annotations }, data: { config: "peers: []" } };
  assert.deepEqual(projectConfigMap(kubeObjectOf(map)), {
    key: "routelb-system/config",
    uid: "9",
    resourceVersion: "4",
    annotations: { "routelb.io/allow-renumbering": "true" },
    data: { config: "peers: []" },
  });
  assert.deepEqual(projectSecret(kubeObjectOf({ metadata, data: { "rack-a": "czNjcsOkdA==" } })), {
    key: "routelb-system/config",
    data: new Map([["rack-a", "s3crät"]]),
  });
  const namespace = { metadata: { name: "web", labels: { team: "a" } } };
  assert.deepEqual(projectNamespace(kubeObjectOf(namespace)), { team: "a" });
});
