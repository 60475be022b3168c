import { at, type Json, type JsonObject, listAt, numberAt, objectAt, textAt } from "../json.ts";
import {
  age,
  ageColumn,
  type Column,
  containerColumns,
  labelsText,
  nameColumn,
  selectorText,
  type TableSpec,
} from "./column.ts";

function count(name: string, ...path: readonly string[]): Column {
  return { name, type: "integer", cell: (object) => numberAt(object, ...path) ?? 0 };
}

const selectorColumn: Column = {
  name: "Selector",
  isWide: true,
  cell: (object) => selectorText(objectAt(object, "spec", "selector")),
};

/** Tables of Pods and of what makes them. */
export const workloadTables: readonly (readonly [string, TableSpec])[] = [
  [
    "deployments",
    {
      columns: [
        nameColumn,
        {
          name: "Ready",
          cell: (deployment) => {
            const ready = numberAt(deployment, "status", "readyReplicas") ?? 0;
            return `${ready}/${numberAt(deployment, "spec", "replicas") ?? 0}`;
          },
        },
        count("Up-to-date", "status", "updatedReplicas"),
        count("Available", "status", "availableReplicas"),
        ageColumn,
        ...containerColumns,
        selectorColumn,
      ],
    },
  ],
  [
    "replicasets",
    {
      columns: [
        nameColumn,
        count("Desired", "spec", "replicas"),
        count("Current", "status", "replicas"),
        count("Ready", "status", "readyReplicas"),
        ageColumn,
        ...containerColumns,
        selectorColumn,
      ],
    },
  ],
  [
    "daemonsets",
    {
      columns: [
        nameColumn,
        count("Desired", "status", "desiredNumberScheduled"),
        count("Current", "status", "currentNumberScheduled"),
        count("Ready", "status", "numberReady"),
        count("Up-to-date", "status", "updatedNumberScheduled"),
        count("Available", "status", "numberAvailable"),
        {
          name: "Node Selector",
          cell: (set) => labelsText(objectAt(set, "spec", "template", "spec", "nodeSelector")),
        },
        ageColumn,
        ...containerColumns,
        selectorColumn,
      ],
    },
  ],
  [
    "pods",
    {
      columns: [
        nameColumn,
        { name: "Ready", cell: readyContainers },
        { name: "Status", cell: podStatus },
        { name: "Restarts", cell: podRestarts },
        ageColumn,
        { name: "IP", isWide: true, cell: podAddress },
        { name: "Node", isWide: true, cell: (pod) => textAt(pod, "spec", "nodeName") ?? "<none>" },
        {
          name: "Nominated Node",
          isWide: true,
          cell: (pod) => textAt(pod, "status", "nominatedNodeName") ?? "<none>",
        },
        { name: "Readiness Gates", isWide: true, cell: readinessGates },
      ],
    },
  ],
];

function readyContainers(pod: JsonObject): Json {
  const ready = listAt(pod, "status", "containerStatuses").filter(
    (status) => at(status, "ready") === true,
  );
  return `${ready.length}/${listAt(pod, "spec", "containers").length}`;
}

function podStatus(pod: JsonObject): Json {
  let reason = textAt(pod, "status", "reason") ?? textAt(pod, "status", "phase") ?? "Unknown";
  for (const status of listAt(pod, "status", "containerStatuses").toReversed()) {
    const waiting = textAt(status, "state", "waiting", "reason");
    const terminated = objectAt(status, "state", "terminated");
    if (waiting !== undefined) {
      reason = waiting;
    } else if (Object.keys(terminated).length > 0) {
      reason =
        textAt(terminated, "reason") ?? `ExitCode:${String(numberAt(terminated, "exitCode") ?? 0)}`;
    }
  }
  if (at(pod, "metadata", "deletionTimestamp") === undefined) {
    return reason;
  }
  return textAt(pod, "status", "reason") === "NodeLost" ? "Unknown" : "Terminating";
}

function podRestarts(pod: JsonObject, nowMs: number): Json {
  let restarts = 0;
  let last: string | undefined;
  for (const status of listAt(pod, "status", "containerStatuses")) {
    restarts += numberAt(status, "restartCount") ?? 0;
    last = textAt(status, "lastState", "terminated", "finishedAt") ?? last;
  }
  return restarts === 0 || last === undefined
    ? String(restarts)
    : `${restarts} (${age(last, nowMs)} ago)`;
}

function podAddress(pod: JsonObject): Json {
  const first = textAt(listAt(pod, "status", "podIPs")[0], "ip");
  return first ?? textAt(pod, "status", "podIP") ?? "<none>";
}

function readinessGates(pod: JsonObject): Json {
  const gates = listAt(pod, "spec", "readinessGates").map((gate) => textAt(gate, "conditionType"));
  const conditions = listAt(pod, "status", "conditions");
  const passed = gates.filter((gate) =>
    conditions.some(
      (condition) => textAt(condition, "type") === gate && textAt(condition, "status") === "True",
    ),
  );
  return gates.length === 0 ? "<none>" : `${passed.length}/${gates.length}`;
}
