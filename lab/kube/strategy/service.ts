import type { AddressFamily } from "../../../src/net/address.ts";
import { parseAddress } from "../../../src/net/address.ts";
import {
  at,
  isObject,
  type Json,
  type JsonObject,
  listAt,
  numberAt,
  objectAt,
  sameJson,
  textAt,
  textsAt,
  withAt,
} from "../json.ts";
import { nodePortsOf, type ServiceAddresses } from "./service-addresses.ts";
import { isExternal, needsHealthCheckPort, needsNodePorts } from "./service-type.ts";
import { serviceErrors, serviceStatusErrors } from "./service-validation.ts";
import type { Strategy } from "./strategy.ts";

/** Services: defaults, cluster addresses, node ports, and what a change of type drops. */
export function serviceStrategy(addresses: ServiceAddresses): Strategy {
  return {
    complete: (next, current) => completeService(next, current, addresses),
    validate: (next, current) => serviceErrors(next, current, addresses),
    completeStatus: (next) => completeStatus(next),
    validateStatus: serviceStatusErrors,
  };
}

function completeService(
  next: JsonObject,
  current: JsonObject | undefined,
  addresses: ServiceAddresses,
): JsonObject {
  const before = current === undefined ? undefined : objectAt(current, "spec");
  let spec: JsonObject = defaultSpec(objectAt(next, "spec"));
  if (before !== undefined) {
    spec = keepAllocated(spec, before);
    spec = dropForType(spec, before);
  }
  spec = withClusterIps(spec, before, addresses);
  spec = withNodePorts(spec, addresses);
  const status =
    spec["type"] === "LoadBalancer" ? objectAt(next, "status") : { ...objectAt(next, "status") };
  const loadBalancer = spec["type"] === "LoadBalancer" ? objectAt(status, "loadBalancer") : {};
  return { ...next, spec, status: { ...status, loadBalancer } };
}

function defaultSpec(given: JsonObject): JsonObject {
  const type = textAt(given, "type") ?? "ClusterIP";
  const isName = type === "ExternalName";
  const sessionAffinity = textAt(given, "sessionAffinity") ?? "None";
  const spec: JsonObject = {
    ...given,
    type,
    sessionAffinity,
    sessionAffinityConfig:
      sessionAffinity === "ClientIP"
        ? (at(given, "sessionAffinityConfig") ?? { clientIP: { timeoutSeconds: 10_800 } })
        : undefined,
    internalTrafficPolicy: isName
      ? at(given, "internalTrafficPolicy")
      : (at(given, "internalTrafficPolicy") ?? "Cluster"),
    ports:
      at(given, "ports") === undefined
        ? undefined
        : listAt(given, "ports").map((port) => defaultPort(port)),
  };
  return {
    ...spec,
    externalTrafficPolicy: isExternal(spec)
      ? (at(given, "externalTrafficPolicy") ?? "Cluster")
      : at(given, "externalTrafficPolicy"),
    allocateLoadBalancerNodePorts:
      type === "LoadBalancer"
        ? (at(given, "allocateLoadBalancerNodePorts") ?? true)
        : at(given, "allocateLoadBalancerNodePorts"),
  };
}

function defaultPort(port: Json): Json {
  if (!isObject(port)) {
    return port;
  }
  return {
    ...port,
    protocol: textAt(port, "protocol") ?? "TCP",
    targetPort: at(port, "targetPort") ?? numberAt(port, "port"),
  };
}

/** Values that the server gave, and that the writer left out, stay. */
function keepAllocated(spec: JsonObject, before: JsonObject): JsonObject {
  let kept = spec;
  if (spec["type"] !== "ExternalName" && at(before, "type") !== "ExternalName") {
    const ip = textAt(spec, "clusterIP");
    const ips = textsAt(spec, "clusterIPs");
    if (ip === undefined && ips.length === 0) {
      kept = { ...kept, clusterIP: before["clusterIP"], clusterIPs: before["clusterIPs"] };
    }
    kept = { ...kept, ipFamilyPolicy: kept["ipFamilyPolicy"] ?? before["ipFamilyPolicy"] };
    kept = { ...kept, ipFamilies: kept["ipFamilies"] ?? before["ipFamilies"] };
  }
  if (needsNodePorts(kept) && (isExternal(before) || needsNodePorts(before))) {
    const ports = listAt(kept, "ports").map((port) => {
      const same = listAt(before, "ports").find(
        (other) =>
          numberAt(other, "port") === numberAt(port, "port") &&
          textAt(other, "protocol") === textAt(port, "protocol"),
      );
      const nodePort = numberAt(port, "nodePort") ?? numberAt(same, "nodePort");
      return isObject(port) ? { ...port, nodePort } : port;
    });
    kept = { ...kept, ports };
  }
  if (needsHealthCheckPort(kept) && needsHealthCheckPort(before)) {
    const port = kept["healthCheckNodePort"] ?? before["healthCheckNodePort"];
    kept = { ...kept, healthCheckNodePort: port };
  }
  return kept;
}

/** Drops what the new type has no use for, where the writer did not change it as well. */
function dropForType(spec: JsonObject, before: JsonObject): JsonObject {
  const dropped: Record<string, Json | undefined> = { ...spec };
  const drop = (field: string): void => {
    if (sameJson(spec[field], before[field])) {
      delete dropped[field];
    }
  };
  if (isExternal(before) && !isExternal(spec)) {
    drop("externalTrafficPolicy");
    dropped["ports"] = listAt(spec, "ports").map((port) => withoutOldNodePort(port, before));
  }
  if (before["type"] === "LoadBalancer" && spec["type"] !== "LoadBalancer") {
    drop("allocateLoadBalancerNodePorts");
    drop("loadBalancerClass");
  }
  if (needsHealthCheckPort(before) && !needsHealthCheckPort(spec)) {
    drop("healthCheckNodePort");
  }
  if (before["type"] !== "ExternalName" && spec["type"] === "ExternalName") {
    for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) {
      drop(field);
    }
    drop("internalTrafficPolicy");
  }
  if (before["type"] === "ExternalName" && spec["type"] !== "ExternalName") {
    drop("externalName");
  }
  return dropped;
}

function withoutOldNodePort(port: Json, before: JsonObject): Json {
  const nodePort = numberAt(port, "nodePort");
  const isOld = listAt(before, "ports").some((other) => numberAt(other, "nodePort") === nodePort);
  return isObject(port) && isOld ? withAt(port, ["nodePort"], undefined) : port;
}

function withClusterIps(
  spec: JsonObject,
  before: JsonObject | undefined,
  addresses: ServiceAddresses,
): JsonObject {
  if (spec["type"] === "ExternalName") {
    return spec;
  }
  const written = writtenClusterIps(spec, before);
  const policy = textAt(spec, "ipFamilyPolicy") ?? "SingleStack";
  const families = wantedFamilies(spec, written, policy, addresses);
  if (written[0] === "None") {
    return {
      ...spec,
      clusterIP: "None",
      clusterIPs: ["None"],
      ipFamilies: families,
      ipFamilyPolicy: policy,
    };
  }
  const clusterIPs: string[] = [];
  for (const [index, family] of families.entries()) {
    const address = written[index] ?? addresses.pickAddress(family === "IPv4" ? "ipv4" : "ipv6");
    if (address !== undefined) {
      clusterIPs.push(address);
    }
  }
  return {
    ...spec,
    clusterIP: clusterIPs[0],
    clusterIPs,
    ipFamilies: families,
    ipFamilyPolicy: policy,
  };
}

/** `clusterIP` and `clusterIPs` say the same; whichever the writer changed counts. */
function writtenClusterIps(spec: JsonObject, before: JsonObject | undefined): readonly string[] {
  const ip = textAt(spec, "clusterIP") ?? "";
  const ips = textsAt(spec, "clusterIPs");
  const isIpChanged = before !== undefined && ip !== (textAt(before, "clusterIP") ?? "");
  const areIpsChanged = before !== undefined && !sameJson(ips, textsAt(before, "clusterIPs"));
  if (ip === "" && (before === undefined || areIpsChanged || !isIpChanged)) {
    return ips;
  }
  if (ip === "") {
    return [];
  }
  return isIpChanged && !areIpsChanged ? [ip] : [ip, ...ips.slice(1)];
}

function familyName(family: AddressFamily): string {
  return family === "ipv4" ? "IPv4" : "IPv6";
}

function wantedFamilies(
  spec: JsonObject,
  clusterIps: readonly string[],
  policy: string,
  addresses: ServiceAddresses,
): readonly string[] {
  const offered = addresses.families.map(familyName);
  const families = [...textsAt(spec, "ipFamilies")];
  for (const ip of clusterIps.slice(families.length)) {
    const address = parseAddress(ip);
    if (address !== undefined) {
      families.push(familyName(address.family));
    }
  }
  if (families.length === 0) {
    families.push(...offered.slice(0, 1));
  }
  const other = offered.find((family) => family !== families[0]);
  if (policy !== "SingleStack" && families.length === 1 && other !== undefined) {
    families.push(other);
  }
  return policy === "SingleStack" ? families.slice(0, 1) : families;
}

function withNodePorts(spec: JsonObject, addresses: ServiceAddresses): JsonObject {
  const reserved = new Set(nodePortsOf({ spec }));
  const byNumber = new Map<number, number>();
  const ports = listAt(spec, "ports").map((port) => {
    const number = numberAt(port, "port");
    if (!isObject(port) || number === undefined || !needsNodePorts(spec)) {
      return port;
    }
    // TCP and UDP of one port number share a node port.
    const nodePort =
      (numberAt(port, "nodePort") || undefined) ??
      byNumber.get(number) ??
      addresses.pickNodePort(reserved);
    if (nodePort !== undefined) {
      reserved.add(nodePort);
      byNumber.set(number, nodePort);
    }
    return { ...port, nodePort };
  });
  const healthCheckNodePort = needsHealthCheckPort(spec)
    ? (numberAt(spec, "healthCheckNodePort") ?? addresses.pickNodePort(reserved))
    : spec["healthCheckNodePort"];
  return { ...spec, ports: spec["ports"] === undefined ? undefined : ports, healthCheckNodePort };
}

/** An ingress address is a VIP unless its writer says otherwise. */
function completeStatus(next: JsonObject): JsonObject {
  if (textAt(next, "spec", "type") !== "LoadBalancer") {
    return next;
  }
  const ingress = listAt(next, "status", "loadBalancer", "ingress").map((entry) =>
    isObject(entry) && textAt(entry, "ip") !== undefined
      ? { ...entry, ipMode: textAt(entry, "ipMode") ?? "VIP" }
      : entry,
  );
  const loadBalancer = ingress.length > 0 ? { ingress } : {};
  return withAt(next, ["status", "loadBalancer"], loadBalancer);
}
