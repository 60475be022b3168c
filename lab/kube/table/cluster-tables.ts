import { at, type JsonObject, listAt, objectAt, textAt } from "../json.ts";
import { ageColumn, type Column, nameColumn, type TableSpec } from "./column.ts";

const createdColumn: Column = {
  name: "Created At",
  cell: (object) => textAt(object, "metadata", "creationTimestamp") ?? "",
};

const roleColumn: Column = {
  name: "Role",
  cell: (binding) => `${textAt(binding, "roleRef", "kind")}/${textAt(binding, "roleRef", "name")}`,
};

/** Tables of Nodes, Namespaces, Leases and roles. */
export const clusterTables: readonly (readonly [string, TableSpec])[] = [
  [
    "nodes",
    {
      columns: [
        nameColumn,
        { name: "Status", cell: nodeStatus },
        { name: "Roles", cell: nodeRoles },
        ageColumn,
        { name: "Version", cell: (node) => nodeInfo(node, "kubeletVersion") ?? "" },
        { name: "Internal-IP", isWide: true, cell: (node) => nodeAddress(node, "InternalIP") },
        { name: "External-IP", isWide: true, cell: (node) => nodeAddress(node, "ExternalIP") },
        {
          name: "OS-Image",
          isWide: true,
          cell: (node) => nodeInfo(node, "osImage") ?? "<unknown>",
        },
        {
          name: "Kernel-Version",
          isWide: true,
          cell: (node) => nodeInfo(node, "kernelVersion") ?? "<unknown>",
        },
        {
          name: "Container-Runtime",
          isWide: true,
          cell: (node) => nodeInfo(node, "containerRuntimeVersion") ?? "<unknown>",
        },
      ],
    },
  ],
  [
    "namespaces",
    {
      columns: [
        nameColumn,
        { name: "Status", cell: (namespace) => textAt(namespace, "status", "phase") ?? "" },
        ageColumn,
      ],
    },
  ],
  [
    "leases",
    {
      columns: [
        nameColumn,
        { name: "Holder", cell: (lease) => textAt(lease, "spec", "holderIdentity") ?? "" },
        ageColumn,
      ],
    },
  ],
  ["clusterroles", { columns: [nameColumn, createdColumn] }],
  ["roles", { columns: [nameColumn, createdColumn] }],
  ["clusterrolebindings", { columns: [nameColumn, roleColumn, ageColumn] }],
  ["rolebindings", { columns: [nameColumn, roleColumn, ageColumn] }],
];

function nodeStatus(node: JsonObject): string {
  const ready = listAt(node, "status", "conditions").find(
    (condition) => textAt(condition, "type") === "Ready",
  );
  const states = [
    ready === undefined ? "Unknown" : textAt(ready, "status") === "True" ? "Ready" : "NotReady",
  ];
  if (at(node, "spec", "unschedulable") === true) {
    states.push("SchedulingDisabled");
  }
  return states.join(",");
}

const rolePrefix = "node-role.kubernetes.io/";

function nodeRoles(node: JsonObject): string {
  const labels = objectAt(node, "metadata", "labels");
  const roles = Object.keys(labels)
    .filter((key) => key.startsWith(rolePrefix) && key.length > rolePrefix.length)
    .map((key) => key.slice(rolePrefix.length));
  const named = textAt(labels, "kubernetes.io/role");
  const all = new Set(named === undefined || named === "" ? roles : [...roles, named]);
  return all.size === 0 ? "<none>" : [...all].sort().join(",");
}

function nodeAddress(node: JsonObject, type: string): string {
  const found = listAt(node, "status", "addresses").find(
    (address) => textAt(address, "type") === type,
  );
  return textAt(found, "address") ?? "<none>";
}

function nodeInfo(node: JsonObject, field: string): string | undefined {
  const text = textAt(node, "status", "nodeInfo", field);
  return text === "" ? undefined : text;
}
