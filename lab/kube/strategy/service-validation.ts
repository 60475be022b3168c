import { parseAddress } from "../../../src/net/address.ts";
import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
} from "../api-error.ts";
import {
  at,
  booleanAt,
  type Json,
  type JsonObject,
  listAt,
  numberAt,
  objectAt,
  sameJson,
  textAt,
  textMapAt,
  textsAt,
} from "../json.ts";
import {
  clusterIpErrors,
  familyErrors,
  nodePortErrors,
  notAnIp,
} from "./service-address-validation.ts";
import type { ServiceAddresses } from "./service-addresses.ts";
import { isExternal, needsHealthCheckPort } from "./service-type.ts";

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

/** What is wrong with a Service, after defaults; the mistakes that people make. */
export function serviceErrors(
  next: JsonObject,
  current: JsonObject | undefined,
  addresses: ServiceAddresses,
): readonly FieldError[] {
  const spec = objectAt(next, "spec");
  const before = current === undefined ? undefined : objectAt(current, "spec");
  return [
    ...portErrors(spec),
    ...kindErrors(spec),
    ...loadBalancerErrors(spec, before),
    ...familyErrors(spec, addresses),
    ...clusterIpErrors(spec, before, addresses),
    ...nodePortErrors(spec, before, addresses),
  ];
}

function oneOf(spec: JsonObject, field: string, values: readonly string[]): FieldError[] {
  const value = spec[field];
  return value === undefined || (typeof value === "string" && values.includes(value))
    ? []
    : [notSupported(`spec.${field}`, value, values)];
}

function kindErrors(spec: JsonObject): FieldError[] {
  const errors = [
    ...oneOf(spec, "type", types),
    ...oneOf(spec, "sessionAffinity", ["ClientIP", "None"]),
    ...oneOf(spec, "internalTrafficPolicy", ["Cluster", "Local"]),
    ...oneOf(spec, "externalTrafficPolicy", ["Cluster", "Local"]),
    ...oneOf(spec, "ipFamilyPolicy", ["PreferDualStack", "RequireDualStack", "SingleStack"]),
  ];
  if (spec["externalTrafficPolicy"] !== undefined && !isExternal(spec)) {
    errors.push(
      invalidValue(
        "spec.externalTrafficPolicy",
        spec["externalTrafficPolicy"],
        "may only be set for externally-accessible services",
      ),
    );
  }
  if (spec["type"] === "ExternalName" && (textAt(spec, "externalName") ?? "") === "") {
    errors.push(required("spec.externalName"));
  }
  for (const [key, value] of Object.entries(objectAt(spec, "selector"))) {
    if (typeof value !== "string") {
      errors.push(invalidValue(`spec.selector.${key}`, value, "must be a string"));
    }
  }
  for (const [index, ip] of textsAt(spec, "externalIPs").entries()) {
    if (parseAddress(ip) === undefined) {
      errors.push(invalidValue(`spec.externalIPs[${index}]`, ip, notAnIp));
    }
  }
  return errors;
}

function portErrors(spec: JsonObject): FieldError[] {
  const ports = listAt(spec, "ports");
  const isHeadless = spec["clusterIP"] === "None";
  if (ports.length === 0) {
    return isHeadless || spec["type"] === "ExternalName" ? [] : [required("spec.ports")];
  }
  const errors: FieldError[] = [];
  const names = new Set<string>();
  const numbers = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const field = `spec.ports[${index}]`;
    const name = textAt(port, "name") ?? "";
    if (name === "" && ports.length > 1) {
      errors.push(required(`${field}.name`));
    } else if (name !== "" && names.has(name)) {
      errors.push(duplicate(`${field}.name`, name));
    }
    names.add(name);
    errors.push(...onePortErrors(port, field));
    const key = `${numberAt(port, "port")}/${textAt(port, "protocol")}`;
    if (numbers.has(key)) {
      errors.push(
        duplicate(field, {
          port: numberAt(port, "port"),
          protocol: textAt(port, "protocol"),
        }),
      );
    }
    numbers.add(key);
  }
  return errors;
}

const portRange = "must be between 1 and 65535, inclusive";

function isPortNumber(value: number | undefined): boolean {
  return value !== undefined && Number.isInteger(value) && value >= 1 && value <= 65535;
}

function onePortErrors(port: Json, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!isPortNumber(numberAt(port, "port"))) {
    errors.push(invalidValue(`${field}.port`, at(port, "port") ?? 0, portRange));
  }
  const protocol = textAt(port, "protocol") ?? "";
  if (!["SCTP", "TCP", "UDP"].includes(protocol)) {
    errors.push(notSupported(`${field}.protocol`, protocol, ["SCTP", "TCP", "UDP"]));
  }
  const target = at(port, "targetPort");
  if (typeof target === "number" && !isPortNumber(target)) {
    errors.push(invalidValue(`${field}.targetPort`, target, portRange));
  }
  if (
    typeof target === "string" &&
    !/^(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/.test(target)
  ) {
    errors.push(
      invalidValue(
        `${field}.targetPort`,
        target,
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
      ),
    );
  }
  return errors;
}

function loadBalancerErrors(spec: JsonObject, before: JsonObject | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const isLoadBalancer = spec["type"] === "LoadBalancer";
  const lbClass = spec["loadBalancerClass"];
  if (lbClass !== undefined && !isLoadBalancer) {
    errors.push(
      forbiddenField("spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'"),
    );
  }
  const wasLoadBalancer = before !== undefined && before["type"] === "LoadBalancer";
  if (isLoadBalancer && wasLoadBalancer && !sameJson(lbClass, before["loadBalancerClass"])) {
    errors.push(invalidValue("spec.loadBalancerClass", lbClass, "may not change once set"));
  }
  if (booleanAt(spec, "allocateLoadBalancerNodePorts") !== undefined && !isLoadBalancer) {
    errors.push(
      forbiddenField(
        "spec.allocateLoadBalancerNodePorts",
        "may only be used when `type` is 'LoadBalancer'",
      ),
    );
  }
  const healthPort = numberAt(spec, "healthCheckNodePort") ?? 0;
  if (healthPort !== 0 && !needsHealthCheckPort(spec)) {
    errors.push(
      invalidValue(
        "spec.healthCheckNodePort",
        healthPort,
        "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      ),
    );
  }
  for (const [index, range] of textsAt(spec, "loadBalancerSourceRanges").entries()) {
    if (!isLoadBalancer) {
      errors.push(
        forbiddenField(
          `spec.LoadBalancerSourceRanges[${index}]`,
          "may only be used when `type` is 'LoadBalancer'",
        ),
      );
    } else if (parseAddress(range.trim().split("/")[0] ?? "") === undefined) {
      errors.push(invalidValue("spec.LoadBalancerSourceRanges", range, "must be a valid CIDR"));
    }
  }
  return errors;
}

/** What is wrong with `status.loadBalancer`. */
export function serviceStatusErrors(next: JsonObject): readonly FieldError[] {
  const errors: FieldError[] = [];
  const ingress = listAt(next, "status", "loadBalancer", "ingress");
  if (ingress.length > 0 && textAt(next, "spec", "type") !== "LoadBalancer") {
    const why = 'may only be used when `spec.type` is "LoadBalancer"';
    errors.push(forbiddenField("status.loadBalancer.ingress", why));
  }
  for (const [index, entry] of ingress.entries()) {
    const field = `status.loadBalancer.ingress[${index}]`;
    const ip = textAt(entry, "ip");
    if (ip !== undefined && parseAddress(ip) === undefined) {
      errors.push(invalidValue(`${field}.ip`, ip, notAnIp));
    }
    const mode = textAt(entry, "ipMode");
    if (mode !== undefined && ip === undefined) {
      errors.push(forbiddenField(`${field}.ipMode`, "may not be specified when `ip` is not set"));
    } else if (mode !== undefined && mode !== "VIP" && mode !== "Proxy") {
      errors.push(notSupported(`${field}.ipMode`, mode, ["Proxy", "VIP"]));
    }
    const { hostname } = textMapAt(entry);
    if (hostname !== undefined && parseAddress(hostname) !== undefined) {
      errors.push(
        invalidValue(`${field}.hostname`, hostname, "must be a DNS name, not an IP address"),
      );
    }
  }
  return errors;
}
