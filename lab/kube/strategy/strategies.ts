import { parseAddress } from "../../../src/net/address.ts";
import {
  type FieldError,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
} from "../api-error.ts";
import {
  at,
  isObject,
  type JsonObject,
  listAt,
  numberAt,
  objectAt,
  sameJson,
  textAt,
  textMapAt,
  textsAt,
  withAt,
} from "../json.ts";
import { podStrategy } from "./pod.ts";
import { serviceStrategy } from "./service.ts";
import type { ServiceAddresses } from "./service-addresses.ts";
import type { Strategy } from "./strategy.ts";
import { daemonSetStrategy, deploymentStrategy, replicaSetStrategy } from "./workload.ts";

/** The strategy of each resource that has one, by its plural. */
export function makeStrategies(addresses: ServiceAddresses): ReadonlyMap<string, Strategy> {
  return new Map([
    ["configmaps", configMapStrategy],
    ["daemonsets", daemonSetStrategy],
    ["deployments", deploymentStrategy],
    ["endpointslices", endpointSliceStrategy],
    ["events", eventStrategy],
    ["leases", leaseStrategy],
    ["namespaces", namespaceStrategy],
    ["nodes", nodeStrategy],
    ["pods", podStrategy],
    ["replicasets", replicaSetStrategy],
    ["secrets", secretStrategy],
    ["services", serviceStrategy(addresses)],
  ]);
}

const mebibyte = 1_048_576;

const configMapStrategy: Strategy = {
  validate: (next, current) => {
    const data = objectAt(next, "data");
    const errors: FieldError[] = keyErrors(data);
    const size = Object.values(data).reduce<number>(
      (sum, value) => sum + (typeof value === "string" ? Buffer.byteLength(value) : 0),
      0,
    );
    if (size > mebibyte) {
      errors.push({
        field: "",
        reason: "FieldValueTooLong",
        message: `Too long: may not be more than ${mebibyte} bytes`,
      });
    }
    if (current?.["immutable"] === true && !sameJson(data, objectAt(current, "data"))) {
      errors.push(forbiddenField("data", "field is immutable when `immutable` is set"));
    }
    return errors;
  },
};

function keyErrors(data: JsonObject): FieldError[] {
  return Object.keys(data)
    .filter((key) => !/^[-._a-zA-Z0-9]+$/.test(key))
    .map((key) =>
      invalidValue(
        `data[${key}]`,
        key,
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
      ),
    );
}

const secretStrategy: Strategy = {
  complete: (next) => {
    const encoded = Object.fromEntries(
      Object.entries(textMapAt(next, "stringData")).map(([key, value]) => [
        key,
        Buffer.from(value).toString("base64"),
      ]),
    );
    const { stringData: _stringData, ...rest } = next;
    const data = { ...objectAt(next, "data"), ...encoded };
    return {
      ...rest,
      data: Object.keys(data).length > 0 ? data : undefined,
      type: next["type"] ?? "Opaque",
    };
  },
  validate: (next) => keyErrors(objectAt(next, "data")),
};

const namespaceStrategy: Strategy = {
  complete: (next, current) => {
    const name = textAt(next, "metadata", "name") ?? "";
    const labelled = withAt(next, ["metadata", "labels", "kubernetes.io/metadata.name"], name);
    return {
      ...labelled,
      spec: current === undefined ? { finalizers: ["kubernetes"] } : current["spec"],
      status: next["status"] ?? { phase: "Active" },
    };
  },
};

const nodeStrategy: Strategy = {
  complete: (next) => ({ ...next, spec: objectAt(next, "spec"), status: objectAt(next, "status") }),
  validate: (next) => {
    const errors: FieldError[] = [];
    for (const [index, taint] of listAt(next, "spec", "taints").entries()) {
      const effects = ["NoExecute", "NoSchedule", "PreferNoSchedule"];
      const effect = textAt(taint, "effect") ?? "";
      if (!effects.includes(effect)) {
        errors.push(notSupported(`metadata.taints[${index}].effect`, effect, effects));
      }
    }
    return errors;
  },
};

const eventStrategy: Strategy = {
  validate: (next) => {
    const namespace = textAt(next, "metadata", "namespace");
    const about = textAt(next, "involvedObject", "namespace") ?? "";
    // An Event about what lives in no namespace is taken in `default` only.
    return (about === "" ? "default" : about) === namespace
      ? []
      : [invalidValue("involvedObject.namespace", about, "does not match event.namespace")];
  },
};

const leaseStrategy: Strategy = {
  validate: (next) => {
    const duration = numberAt(next, "spec", "leaseDurationSeconds");
    return duration !== undefined && duration <= 0
      ? [invalidValue("spec.leaseDurationSeconds", duration, "must be greater than 0")]
      : [];
  },
};

const maxEndpoints = 1000;

const endpointSliceStrategy: Strategy = {
  complete: (next) => ({
    ...next,
    endpoints: listAt(next, "endpoints"),
    ports: listAt(next, "ports").map((port) =>
      isObject(port)
        ? { ...port, name: port["name"] ?? "", protocol: port["protocol"] ?? "TCP" }
        : port,
    ),
  }),
  validate: (next, current) => {
    const errors: FieldError[] = [];
    const type = textAt(next, "addressType") ?? "";
    const endpoints = listAt(next, "endpoints");
    if (type === "") {
      errors.push(required("addressType"));
    } else if (!["FQDN", "IPv4", "IPv6"].includes(type)) {
      errors.push(notSupported("addressType", type, ["FQDN", "IPv4", "IPv6"]));
    }
    if (current !== undefined && at(current, "addressType") !== type) {
      errors.push(invalidValue("addressType", type, "field is immutable"));
    }
    if (endpoints.length > maxEndpoints) {
      errors.push({
        field: "endpoints",
        reason: "FieldValueTooLong",
        message: `Too many: ${endpoints.length}: must have at most ${maxEndpoints} items`,
      });
    }
    for (const [index, endpoint] of endpoints.entries()) {
      errors.push(...endpointErrors(textsAt(endpoint, "addresses"), type, `endpoints[${index}]`));
    }
    return errors;
  },
};

function endpointErrors(addresses: readonly string[], type: string, field: string): FieldError[] {
  if (addresses.length === 0) {
    return [required(`${field}.addresses`, "must contain at least 1 item")];
  }
  return addresses
    .filter((text) => type !== "FQDN" && parseAddress(text)?.family !== type.toLowerCase())
    .map((text) => invalidValue(`${field}.addresses`, text, `must be a valid ${type} address`));
}
