import {
  type Json,
  type JsonObject,
  listAt,
  numberAt,
  objectAt,
  textAt,
  textsAt,
} from "../json.ts";
import { ageColumn, fewOf, labelsText, nameColumn, type TableSpec } from "./column.ts";

/** Tables of Services, Endpoints and EndpointSlices. */
export const networkTables: readonly (readonly [string, TableSpec])[] = [
  [
    "services",
    {
      columns: [
        nameColumn,
        { name: "Type", cell: (service) => textAt(service, "spec", "type") ?? "" },
        { name: "Cluster-IP", cell: (service) => clusterIp(service) },
        { name: "External-IP", cell: externalIp },
        { name: "Port(s)", cell: (service) => servicePorts(service) },
        ageColumn,
        {
          name: "Selector",
          isWide: true,
          cell: (service) => labelsText(objectAt(service, "spec", "selector")),
        },
      ],
    },
  ],
  [
    "endpoints",
    {
      columns: [nameColumn, { name: "Endpoints", cell: endpointsText }, ageColumn],
    },
  ],
  [
    "endpointslices",
    {
      columns: [
        nameColumn,
        { name: "AddressType", cell: (slice) => textAt(slice, "addressType") ?? "" },
        {
          name: "Ports",
          cell: (slice) =>
            fewOf(
              listAt(slice, "ports").map((port) =>
                String(numberAt(port, "port") ?? textAt(port, "name") ?? "*"),
              ),
            ),
        },
        {
          name: "Endpoints",
          cell: (slice) =>
            fewOf(listAt(slice, "endpoints").flatMap((endpoint) => textsAt(endpoint, "addresses"))),
        },
        ageColumn,
      ],
    },
  ],
];

function clusterIp(service: JsonObject): string {
  return textsAt(service, "spec", "clusterIPs")[0] ?? "<none>";
}

function externalIp(service: JsonObject): string {
  const external = textsAt(service, "spec", "externalIPs");
  switch (textAt(service, "spec", "type")) {
    case "LoadBalancer": {
      const given = listAt(service, "status", "loadBalancer", "ingress")
        .map((entry) => textAt(entry, "ip") ?? textAt(entry, "hostname") ?? "")
        .filter((text) => text !== "");
      const all = [...new Set(given)].sort().concat(external);
      return all.length === 0 ? "<pending>" : all.join(",");
    }
    case "ExternalName":
      return textAt(service, "spec", "externalName") ?? "";
    case undefined:
    default:
      return external.length === 0 ? "<none>" : external.join(",");
  }
}

function servicePorts(service: JsonObject): string {
  const ports = listAt(service, "spec", "ports").map((port) => {
    const nodePort = numberAt(port, "nodePort") ?? 0;
    const number = nodePort > 0 ? `${numberAt(port, "port")}:${nodePort}` : numberAt(port, "port");
    return `${number}/${textAt(port, "protocol")}`;
  });
  return ports.length === 0 ? "<none>" : ports.join(",");
}

function endpointsText(endpoints: JsonObject): Json {
  const texts = listAt(endpoints, "subsets").flatMap((subset) => {
    const ports = listAt(subset, "ports").map((port) => numberAt(port, "port"));
    const addresses = listAt(subset, "addresses").map((address) => textAt(address, "ip") ?? "");
    return addresses.flatMap((ip) =>
      ports.length === 0
        ? [ip]
        : ports.map((port) => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`)),
    );
  });
  return texts.length === 0 ? "<none>" : fewOf(texts);
}
