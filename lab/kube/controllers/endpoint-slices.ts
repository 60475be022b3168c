import { at, isList, type JsonObject, listAt, objectAt, sameJson, textAt } from "../json.ts";
import type { Objects } from "../objects.ts";
import { keyOf } from "../store.ts";
import type { ControllerEnvironment } from "./environment.ts";
import { KeyQueue } from "./key-queue.ts";
import { ObjectIndex } from "./object-index.ts";
import { controllerReference, isDeleting } from "./owners.ts";
import {
  type EndpointGroup,
  endpointGroups,
  isSelecting,
  selects,
  shareOut,
} from "./slice-content.ts";

const manager = "kube-controller-manager";
const managedBy = "endpointslice-controller.k8s.io";
const serviceNameLabel = "kubernetes.io/service-name";
const managedByLabel = "endpointslice.kubernetes.io/managed-by";

/** Keeps the EndpointSlices and the Endpoints of each Service that has a selector. */
export function startEndpointSlices(environment: ControllerEnvironment): void {
  const { objects } = environment;
  const slices = new ObjectIndex(objects, "endpointslices", (slice) =>
    isOurs(slice) ? serviceKeyOf(slice) : undefined,
  );
  const queue = new KeyQueue(environment, (key) => {
    reconcile(environment.objects.as(manager), key, slices.get(key));
  });
  objects.onChange("services", ({ key, object, previous }) => {
    const asked = (service: JsonObject) => [
      service["spec"] ?? null,
      at(service, "metadata", "labels") ?? null,
    ];
    if (previous === undefined || !sameJson(asked(object), asked(previous))) {
      queue.add(key);
    }
  });
  objects.onChange("pods", ({ object, previous }) => {
    const namespace = textAt(object, "metadata", "namespace");
    const states = previous === undefined ? [object] : [object, previous];
    for (const service of objects.list("services", namespace)) {
      if (isSelecting(service) && states.some((pod) => selects(service, pod))) {
        queue.add(keyOf(service));
      }
    }
  });
  objects.onChange("endpointslices", ({ type, object }) => {
    const key = serviceKeyOf(object);
    if (type !== "ADDED" && isOurs(object) && key !== undefined) {
      queue.add(key);
    }
  });
  for (const service of objects.list("services")) {
    queue.add(keyOf(service));
  }
}

function isOurs(slice: JsonObject): boolean {
  return textAt(slice, "metadata", "labels", managedByLabel) === managedBy;
}

function serviceKeyOf(slice: JsonObject): string | undefined {
  const name = textAt(slice, "metadata", "labels", serviceNameLabel);
  return name === undefined ? undefined : `${textAt(slice, "metadata", "namespace")}/${name}`;
}

function reconcile(objects: Objects, key: string, slices: readonly JsonObject[]): void {
  const service = objects.get("services", key);
  if (service === undefined || isDeleting(service) || !isSelecting(service)) {
    return;
  }
  const namespace = textAt(service, "metadata", "namespace");
  const pods = objects.list("pods", namespace).filter((pod) => selects(service, pod));
  const unused = new Set(slices);
  const groups = endpointGroups(service, pods);
  for (const group of groups) {
    const own = takeSlices(unused, group);
    const shares = shareOut(
      group.endpoints,
      own.map((slice) => listAt(slice, "endpoints")),
    );
    writeSlices(objects, service, group, own, shares);
  }
  for (const slice of unused) {
    objects.delete("endpointslices", keyOf(slice));
  }
  writeEndpoints(objects, service, groups);
}

/** Takes the slices out of `unused` that hold, or could hold, endpoints of a group. */
function takeSlices(unused: Set<JsonObject>, group: EndpointGroup): readonly JsonObject[] {
  const sameType = [...unused].filter(
    (slice) => textAt(slice, "addressType") === group.addressType,
  );
  const samePorts = sameType.filter((slice) => sameJson(slice["ports"] ?? [], group.ports));
  // A slice without endpoints only keeps the place; it takes on any ports.
  const idle = sameType.filter((slice) => listAt(slice, "endpoints").length === 0);
  const taken =
    samePorts.length > 0 ? samePorts : (group.endpoints.length === 0 ? sameType : idle).slice(0, 1);
  for (const slice of taken) {
    unused.delete(slice);
  }
  return taken;
}

function writeSlices(
  objects: Objects,
  service: JsonObject,
  group: EndpointGroup,
  own: readonly JsonObject[],
  shares: readonly (readonly JsonObject[])[],
): void {
  const filled = shares.filter((share) => share.length > 0).length;
  let isPlaceKept = filled > 0;
  for (const [index, share] of shares.entries()) {
    const slice = own[index];
    if (slice === undefined) {
      objects.create(sliceOf(service, group, share));
    } else if (share.length > 0 || !isPlaceKept) {
      isPlaceKept = true;
      objects.update({
        ...slice,
        metadata: { ...objectAt(slice, "metadata"), labels: labelsOf(service) },
        endpoints: share,
        ports: group.ports,
      });
    } else {
      objects.delete("endpointslices", keyOf(slice));
    }
  }
  if (shares.length === 0) {
    objects.create(sliceOf(service, group, []));
  }
}

function sliceOf(
  service: JsonObject,
  group: EndpointGroup,
  endpoints: readonly JsonObject[],
): JsonObject {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      generateName: `${textAt(service, "metadata", "name")}-`,
      namespace: textAt(service, "metadata", "namespace"),
      labels: labelsOf(service),
      ownerReferences: [controllerReference(service)],
    },
    addressType: group.addressType,
    endpoints,
    ports: group.ports,
  };
}

function labelsOf(service: JsonObject): JsonObject {
  const isHeadless = textAt(service, "spec", "clusterIP") === "None";
  return {
    ...objectAt(service, "metadata", "labels"),
    [serviceNameLabel]: textAt(service, "metadata", "name"),
    [managedByLabel]: managedBy,
    ...(isHeadless ? { "service.kubernetes.io/headless": "" } : {}),
  };
}

/** The older form of the same, of the Service's first family: kubectl 1.20 shows it. */
function writeEndpoints(
  objects: Objects,
  service: JsonObject,
  groups: readonly EndpointGroup[],
): void {
  const [first] = groups;
  const shown = groups.filter((group) => group.addressType === first?.addressType);
  const subsets = shown.flatMap((group) => {
    const live = group.endpoints.filter((endpoint) => !isOn(endpoint, "terminating"));
    const ready = live.filter((endpoint) => isOn(endpoint, "ready")).map(endpointAddress);
    const notReady = live.filter((endpoint) => !isOn(endpoint, "ready")).map(endpointAddress);
    return live.length === 0
      ? []
      : [
          {
            ...(ready.length > 0 ? { addresses: ready } : {}),
            ...(notReady.length > 0 ? { notReadyAddresses: notReady } : {}),
            ports: group.ports.map(({ name, ...port }) => (name === "" ? port : { name, ...port })),
          },
        ];
  });
  const endpoints = {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      name: textAt(service, "metadata", "name"),
      namespace: textAt(service, "metadata", "namespace"),
      labels: objectAt(service, "metadata", "labels"),
      ownerReferences: [controllerReference(service)],
    },
    ...(subsets.length > 0 ? { subsets } : {}),
  } satisfies JsonObject;
  objects.update(endpoints);
}

function isOn(endpoint: JsonObject, condition: string): boolean {
  return objectAt(endpoint, "conditions")[condition] === true;
}

function endpointAddress(endpoint: JsonObject): JsonObject {
  const addresses = endpoint["addresses"];
  return {
    ip: isList(addresses) ? addresses[0] : undefined,
    nodeName: endpoint["nodeName"],
    targetRef: endpoint["targetRef"],
  };
}
