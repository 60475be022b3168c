import { Memo } from "../cluster/memo.ts";
import type { Service } from "../cluster/service.ts";
import { type Address, type AddressFamily, parseAddress } from "../net/address.ts";
import { type SharingTerms, sharingTerms } from "./sharing.ts";
import { familyName, invalidRequest, noClusterIp, type Shortfall } from "./shortfall.ts";

/** What a Service asks for, and what its status says that it has; independent of any pool. */
export interface AddressRequest {
  /** Wanted families, in the order of spec.ipFamilies. */
  readonly families: readonly AddressFamily[];
  /** RequireDualStack: every family or nothing. */
  readonly needsAllFamilies: boolean;
  /** At most one per family. */
  readonly addresses: ReadonlyMap<AddressFamily, Address>;
  readonly pool?: string;
  readonly terms: SharingTerms;
  /** Addresses in status.loadBalancer.ingress, in their order. */
  readonly inStatus: readonly Address[];
  /** The request makes no sense; nothing is allocated for it. */
  readonly refusal?: Shortfall;
  /** What the owner should know although the request can be served. */
  readonly remarks: readonly Remark[];
}

export interface Remark {
  readonly type: "deprecated-annotation" | "conflicting-request";
  readonly message: string;
}

/** Prefixes of annotations, the one that wins first. */
const prefixes = ["routelb.io/", "metallb.io/", "metallb.universe.tf/"] as const;
const deprecatedPrefix = "metallb.universe.tf/";
const addressesAnnotation = "loadBalancerIPs";
const poolAnnotation = "address-pool";
const sharingAnnotation = "allow-shared-ip";

const requests = new Memo<Service, AddressRequest>();

/**
 * Reads the request of a Service.
 *
 * A Service object never changes (a newer version is another object), so it is parsed once.
 */
export function readRequest(service: Service): AddressRequest {
  const known = requests.get(service);
  if (known !== undefined) {
    return known;
  }
  const request = parseRequest(service);
  requests.set(service, request);
  return request;
}

function parseRequest(service: Service): AddressRequest {
  const remarks: Remark[] = [];
  const pool = readAnnotation(service, poolAnnotation, remarks);
  const sharingKey = readAnnotation(service, sharingAnnotation, remarks);
  const asked = readAskedAddresses(service, remarks);
  const families = wantedFamilies(service);
  const addresses = parseAsked(asked, families);
  const refusal =
    families.length === 0 ? noClusterIp : addresses instanceof Map ? undefined : addresses;
  return {
    families,
    needsAllFamilies: service.ipFamilyPolicy === "RequireDualStack",
    addresses: addresses instanceof Map ? addresses : new Map(),
    ...(pool === undefined ? {} : { pool }),
    terms: sharingTerms(service, sharingKey),
    inStatus: service.ingress.flatMap(({ ip }) => {
      const address = ip === undefined ? undefined : parseAddress(ip);
      return address === undefined || address.zone !== undefined ? [] : [address];
    }),
    ...(refusal === undefined ? {} : { refusal }),
    remarks,
  };
}

/** Servers older than dual stack send no ipFamilies: the cluster IPs tell then. */
function wantedFamilies(service: Service): readonly AddressFamily[] {
  const clusterIps = service.clusterIPs.filter((ip) => ip !== "" && ip !== "None");
  if (clusterIps.length === 0) {
    return [];
  }
  const families =
    service.ipFamilies.length > 0
      ? service.ipFamilies
      : clusterIps.map((ip) => (ip.includes(":") ? ("ipv6" as const) : ("ipv4" as const)));
  const distinct = [...new Set(families)];
  return service.ipFamilyPolicy === "SingleStack" ? distinct.slice(0, 1) : distinct;
}

/** The value under the prefix that wins; an empty one counts as absent, as in MetalLB. */
function readAnnotation(service: Service, name: string, remarks: Remark[]): string | undefined {
  const found = prefixes.flatMap((prefix) => {
    const value = service.annotations[prefix + name]?.trim() ?? "";
    return value === "" ? [] : [{ prefix, value }];
  });
  const winner = found[0];
  if (winner === undefined) {
    return undefined;
  }
  if (found.some(({ prefix }) => prefix === deprecatedPrefix)) {
    remarks.push({
      type: "deprecated-annotation",
      message: `annotation ${deprecatedPrefix}${name} is deprecated: write routelb.io/${name}`,
    });
  }
  const other = found.find(({ value }) => value !== winner.value);
  if (other !== undefined) {
    remarks.push({
      type: "conflicting-request",
      message:
        `annotations ${winner.prefix}${name} (${winner.value}) and ${other.prefix}${name} ` +
        `(${other.value}) differ: the first one counts`,
    });
  }
  return winner.value;
}

/** The annotation wins over spec.loadBalancerIP, which can name but one address. */
function readAskedAddresses(service: Service, remarks: Remark[]): readonly string[] {
  const list = readAnnotation(service, addressesAnnotation, remarks);
  const field = service.loadBalancerIP?.trim() ?? "";
  if (list === undefined) {
    return field === "" ? [] : [field];
  }
  const asked = list
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "");
  if (field !== "" && !asked.some((text) => canonical(text) === canonical(field))) {
    remarks.push({
      type: "conflicting-request",
      message: `annotation ${addressesAnnotation} (${list}) and spec.loadBalancerIP (${field}) differ: the annotation counts`,
    });
  }
  return asked;
}

function canonical(text: string): string {
  return parseAddress(text)?.text ?? text;
}

function parseAsked(
  asked: readonly string[],
  families: readonly AddressFamily[],
): Map<AddressFamily, Address> | Shortfall {
  const addresses = new Map<AddressFamily, Address>();
  for (const text of asked) {
    const address = parseAddress(text);
    if (address === undefined || address.zone !== undefined) {
      return invalidRequest(`the requested address ${JSON.stringify(text)} is not an IP address`);
    }
    if (!families.includes(address.family)) {
      return invalidRequest(
        `the requested address ${address.text} is ${familyName(address.family)}, but the Service ` +
          `is ${families.map(familyName).join(" and ")} (spec.ipFamilies)`,
      );
    }
    const other = addresses.get(address.family);
    if (other !== undefined && other.text !== address.text) {
      return invalidRequest(
        `${other.text} and ${address.text} are requested, but a Service has one address per family`,
      );
    }
    addresses.set(address.family, address);
  }
  return addresses;
}
