import { parseAddress } from "../../../src/net/address.ts";
import { type FieldError, forbiddenField, invalidValue, notSupported } from "../api-error.ts";
import { type JsonObject, listAt, numberAt, textAt, textsAt } from "../json.ts";
import { nodePortsOf, type ServiceAddresses } from "./service-addresses.ts";
import { isExternal, needsNodePorts } from "./service-type.ts";

export const notAnIp = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

function typeOf(spec: JsonObject): string {
  return textAt(spec, "type") ?? "";
}

/** IP families and their policy. */
export function familyErrors(spec: JsonObject, addresses: ServiceAddresses): FieldError[] {
  const errors: FieldError[] = [];
  const policy = textAt(spec, "ipFamilyPolicy");
  if (policy === "RequireDualStack" && addresses.ranges.length < 2) {
    errors.push(
      invalidValue(
        "spec.ipFamilyPolicy",
        policy,
        "this cluster is not configured for dual-stack services",
      ),
    );
  }
  for (const [index, family] of textsAt(spec, "ipFamilies").entries()) {
    const field = `spec.ipFamilies[${index}]`;
    if (family !== "IPv4" && family !== "IPv6") {
      errors.push(notSupported(field, family, ["IPv4", "IPv6"]));
    } else if (!addresses.families.includes(family === "IPv4" ? "ipv4" : "ipv6")) {
      errors.push(invalidValue(field, family, "not configured on this cluster"));
    }
  }
  return errors;
}

/** Cluster addresses: of the range, free, and never changed. */
export function clusterIpErrors(
  spec: JsonObject,
  before: JsonObject | undefined,
  addresses: ServiceAddresses,
): FieldError[] {
  if (spec["type"] === "ExternalName") {
    return textsAt(spec, "clusterIPs").length === 0
      ? []
      : [forbiddenField("spec.clusterIPs", "may not be used when `type` is ExternalName")];
  }
  const ips = textsAt(spec, "clusterIPs");
  const old = textsAt(before, "clusterIPs");
  if (ips[0] === "None" && spec["type"] !== "ClusterIP") {
    return [
      invalidValue(
        "spec.clusterIPs[0]",
        "None",
        `may not be set to 'None' for ${typeOf(spec)} services`,
      ),
    ];
  }
  if (ips.length === 0) {
    return [invalidValue("spec.clusterIPs", [], "failed to allocate an IP: range is full")];
  }
  const errors: FieldError[] = [];
  for (const [index, ip] of ips.entries()) {
    const field = `spec.clusterIPs[${index}]`;
    const address = parseAddress(ip);
    if (old[index] !== undefined && old[index] !== ip) {
      errors.push(invalidValue(field, ip, "may not change once set"));
    } else if (ip === "None" || old.includes(ip)) {
      continue;
    } else if (address === undefined) {
      errors.push(invalidValue(field, ip, notAnIp));
    } else if (!addresses.isInRange(address)) {
      const ranges = addresses.ranges.map((range) => range.key).join(", ");
      errors.push(
        invalidValue(
          field,
          ip,
          `failed to allocate IP ${ip}: the provided IP (${ip}) is not in the valid range. The range of valid IPs is ${ranges}`,
        ),
      );
    } else if (addresses.isAddressTaken(address)) {
      errors.push(
        invalidValue(field, ip, `failed to allocate IP ${ip}: provided IP is already allocated`),
      );
    }
  }
  return errors;
}

/** Node ports: of the range, and free. */
export function nodePortErrors(
  spec: JsonObject,
  before: JsonObject | undefined,
  addresses: ServiceAddresses,
): FieldError[] {
  const errors: FieldError[] = [];
  const own = nodePortsOf({ spec: before ?? {} });
  for (const [index, port] of listAt(spec, "ports").entries()) {
    const field = `spec.ports[${index}].nodePort`;
    const nodePort = numberAt(port, "nodePort") ?? 0;
    if (nodePort === 0) {
      if (needsNodePorts(spec)) {
        errors.push(invalidValue(field, 0, "failed to allocate a nodePort: range is full"));
      }
    } else if (!isExternal(spec)) {
      errors.push(forbiddenField(field, `may not be used when \`type\` is '${typeOf(spec)}'`));
    } else if (!addresses.isNodePort(nodePort)) {
      errors.push(
        invalidValue(
          field,
          nodePort,
          "provided port is not in the valid range. The range of valid ports is 30000-32767",
        ),
      );
    } else if (!own.has(nodePort) && addresses.isNodePortTaken(nodePort)) {
      errors.push(invalidValue(field, nodePort, "provided port is already allocated"));
    }
  }
  return errors;
}
