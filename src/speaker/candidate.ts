import type { LargeCommunity, Route, RouteAttributes } from "../bgp/route.ts";
import { someSelectorMatches } from "../cluster/selector.ts";
import type { Service } from "../cluster/service.ts";
import type { AdvertisementConfig, Config, PoolConfig } from "../config/model.ts";
import { type Address, addressBits, parseAddress } from "../net/address.ts";
import { hostPrefix, makePrefix } from "../net/prefix.ts";
import { rangeContains } from "../net/range.ts";
import { type RouteRequest, readRouteRequest } from "./annotations.ts";

/** The routes that a Service would get if every node and endpoint allowed it. */
export interface Candidate {
  /** One per IP address in its status; entries with a host name alone are left out. */
  readonly addresses: readonly CandidateAddress[];
  /** Requests of the Service's annotations that its pools do not grant, a sentence each. */
  readonly refused: readonly string[];
}

export type CandidateAddress =
  | { readonly home: "none"; readonly text: string }
  | { readonly home: "layer2"; readonly text: string; readonly pool: string }
  | {
      readonly home: "pool";
      readonly text: string;
      readonly address: Address;
      readonly pool: PoolConfig;
      /** One per advertisement of the pool that selects the Service. */
      readonly offers: readonly Offer[];
    };

export interface Offer {
  readonly advertisement: AdvertisementConfig;
  readonly routes: readonly Route[];
}

/** One for all that have none: there are thousands of Candidates. */
const nothing = [] as const;

const memo = new WeakMap<Config, WeakMap<Service, Candidate>>();

/**
 * What `config` offers for the addresses in the status of `service`.
 *
 * Remembered for as long as both live, since they never change and parsing is what a pass over
 * thousands of Services would spend its time on.
 */
export function candidateOf(config: Config, service: Service): Candidate {
  let ofConfig = memo.get(config);
  if (ofConfig === undefined) {
    ofConfig = new WeakMap();
    memo.set(config, ofConfig);
  }
  let candidate = ofConfig.get(service);
  if (candidate === undefined) {
    candidate = makeCandidate(config, service);
    ofConfig.set(service, candidate);
  }
  return candidate;
}

const addressMemo = new WeakMap<Service, readonly IngressAddress[]>();

interface IngressAddress {
  /** Canonical where the text is an address. */
  readonly text: string;
  readonly address: Address | undefined;
}

/**
 * Parses the addresses in the status of `service`, once; `candidateOf` then has them. Worth doing as
 * Services arrive, since the first decision over thousands would take long otherwise.
 */
export function parseIngress(service: Service): readonly IngressAddress[] {
  let addresses = addressMemo.get(service);
  if (addresses === undefined) {
    const byText = new Map<string, IngressAddress>();
    for (const { ip } of service.ingress) {
      if (ip !== undefined && ip !== "") {
        const address = parseAddress(ip);
        const text = address?.text ?? ip;
        byText.set(text, { text, address });
      }
    }
    addresses = [...byText.values()];
    addressMemo.set(service, addresses);
  }
  return addresses;
}

function makeCandidate(config: Config, service: Service): Candidate {
  const refused = new Set<string>();
  const addresses = parseIngress(service).map(
    ({ text, address }): CandidateAddress =>
      address === undefined ? { home: "none", text } : place(config, service, address, refused),
  );
  return { addresses, refused: refused.size === 0 ? nothing : [...refused] };
}

function place(
  config: Config,
  service: Service,
  address: Address,
  refused: Set<string>,
): CandidateAddress {
  const { text } = address;
  const holds = (ranges: PoolConfig["ranges"]) =>
    ranges.some((range) => rangeContains(range, address));
  const pool = config.pools.find(({ ranges }) => holds(ranges));
  if (pool === undefined) {
    const layer2 = config.layer2Pools.find(({ ranges }) => holds(ranges));
    return layer2 === undefined
      ? { home: "none", text }
      : { home: "layer2", text, pool: layer2.name };
  }
  const request = readRouteRequest(service, pool.serviceAnnotations);
  for (const sentence of request.refused) {
    refused.add(sentence);
  }
  const offers = pool.advertisements
    .filter(({ serviceSelectors }) => someSelectorMatches(serviceSelectors, service.labels))
    .map((advertisement) => ({
      advertisement,
      routes: routesOf(service, address, advertisement, request),
    }));
  return { home: "pool", text, address, pool, offers };
}

/**
 * The route of the advertisement's aggregate and, where that is shorter than the address, for a
 * `Local` Service the route of the address itself, so that other nodes' endpoints are not shadowed.
 *
 * What a Service asks for itself shapes the routes of its own address, never an aggregate: other
 * Services' traffic follows that one too.
 */
function routesOf(
  service: Service,
  address: Address,
  advertisement: AdvertisementConfig,
  request: RouteRequest,
): Route[] {
  const bits = addressBits[address.family];
  const length =
    address.family === "ipv4" ? advertisement.aggregationLength : advertisement.aggregationLengthV6;
  const own = { prefix: hostPrefix(address), attributes: withRequest(advertisement, request) };
  if (length >= bits) {
    return [own];
  }
  const aggregate = {
    prefix: makePrefix(address, length),
    attributes: attributesOf(advertisement),
  };
  return service.externalTrafficPolicy === "Local" && advertisement.localHostRoutes
    ? [aggregate, own]
    : [aggregate];
}

const attributesMemo = new WeakMap<AdvertisementConfig, RouteAttributes>();

/** One object per advertisement, so that routes with equal attributes are cheap to see as such. */
function attributesOf(advertisement: AdvertisementConfig): RouteAttributes {
  let attributes = attributesMemo.get(advertisement);
  if (attributes === undefined) {
    attributes = makeAttributes(advertisement);
    attributesMemo.set(advertisement, attributes);
  }
  return attributes;
}

function withRequest(advertisement: AdvertisementConfig, request: RouteRequest): RouteAttributes {
  const { communities, med, prepend } = request;
  if (communities.length === 0 && med === undefined && prepend === undefined) {
    return attributesOf(advertisement);
  }
  return makeAttributes({
    ...advertisement,
    communities: [...advertisement.communities, ...communities],
    med: med ?? advertisement.med,
    prepend: prepend ?? advertisement.prepend,
  });
}

function makeAttributes(advertisement: AdvertisementConfig): RouteAttributes {
  const { communities, localPref, med, prepend } = advertisement;
  return {
    localPref,
    ...(med === 0 ? {} : { med }),
    prepend,
    communities: sortedCommunities(
      communities.flatMap(({ type, value }) => (type === "standard" ? [value] : [])),
    ),
    largeCommunities: sortedLargeCommunities(
      communities.flatMap(({ type, value }) => (type === "large" ? [value] : [])),
    ),
  };
}

/**
 * The one route for a prefix that two advertisements or two Services give: highest local
 * preference, lowest MED (none is the lowest, RFC 4271 §9.1.2.2 c), fewest prepends, the
 * communities of both.
 *
 * It is associative and commutative, so the order in which Services come does not matter.
 */
export function mergeRoutes(a: Route, b: Route): Route {
  if (a.attributes === b.attributes) {
    return a;
  }
  const { attributes: left } = a;
  const { attributes: right } = b;
  const med = Math.min(left.med ?? 0, right.med ?? 0);
  const weighted = left.linkBandwidth !== undefined && right.linkBandwidth !== undefined;
  return {
    prefix: a.prefix,
    attributes: {
      localPref: Math.max(left.localPref, right.localPref),
      ...(med === 0 ? {} : { med }),
      prepend: Math.min(left.prepend, right.prepend),
      communities: sortedCommunities([...left.communities, ...right.communities]),
      largeCommunities: sortedLargeCommunities([
        ...left.largeCommunities,
        ...right.largeCommunities,
      ]),
      ...(weighted ? { linkBandwidth: Math.min(left.linkBandwidth, right.linkBandwidth) } : {}),
    },
  };
}

function sortedCommunities(communities: readonly number[]): number[] {
  return [...new Set(communities)].sort((a, b) => a - b);
}

function sortedLargeCommunities(communities: readonly LargeCommunity[]): LargeCommunity[] {
  const byText = new Map(communities.map((community) => [community.join(":"), community]));
  return [...byText.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
}
