import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { AdjRibOut } from "../../src/bgp/adj-rib-out.ts";
import type { WithheldRoute } from "../../src/bgp/attribute-sets.ts";
import type { PathAttributes } from "../../src/bgp/codec/attribute.ts";
import type { Route } from "../../src/bgp/route.ts";
import type { AddressFamily } from "../../src/net/address.ts";
import type { PlannedSession } from "../../src/speaker/peers.ts";
import { address } from "../speaker/fixtures.ts";
import { PeerRib } from "../support/peer-rib.ts";

interface ReplayedSession {
  readonly planned: PlannedSession;
  readonly families: readonly AddressFamily[];
  readonly adjRibOut: AdjRibOut;
  readonly router: PeerRib;
}

/** What the routers got since the last look, a sentence each: `router +172.16.7.192/32 med 5`. */
export class ReplayedPeers {
  /** By name of the session; a peer that is not named offers what our entry does. */
  readonly offered = new Map<string, readonly AddressFamily[]>();
  #sessions = new Map<string, ReplayedSession>();

  carryOut(planned: readonly PlannedSession[], routes: ReadonlyMap<string, readonly Route[]>) {
    const said: string[] = [];
    const sessions = new Map<string, ReplayedSession>();
    for (const one of planned) {
      const { name } = one.peer;
      const known = this.#sessions.get(name);
      const isKept = known !== undefined && isDeepStrictEqual(known.planned, one);
      if (known !== undefined && !isKept) said.push(`${name} reset`);
      const session = isKept ? known : this.#open(one);
      sessions.set(name, session);
      said.push(...send(session, routes.get(name) ?? []));
    }
    for (const name of this.#sessions.keys()) {
      if (!sessions.has(name)) said.push(`${name} closed`);
    }
    this.#sessions = sessions;
    return said;
  }

  #open(planned: PlannedSession): ReplayedSession {
    const { name, localAsn, peerAsn, families: ours, linkBandwidth } = planned.peer;
    const theirs = this.offered.get(name) ?? ours;
    const families = ours.filter((family) => theirs.includes(family));
    const internal = peerAsn === localAsn;
    const terms = { localAsn, linkBandwidth, internal, fourOctetAsn: true, families };
    return {
      planned,
      families,
      adjRibOut: new AdjRibOut({ ...terms, maxMessageOctets: 4_096 }),
      router: new PeerRib({ asnOctets: 4, internal }),
    };
  }
}

const nextHops = {
  ipv4: { address: address("172.16.7.11") },
  ipv6: { address: address("fd00:7::11") },
};

/** Over the wire, to the last octet: what the router has afterwards that it had not, and the other way. */
function send({ planned, adjRibOut, router }: ReplayedSession, routes: readonly Route[]) {
  const { name } = planned.peer;
  const before = new Map(router.routes);
  const ended = router.endOfRib.length;
  const withheld = adjRibOut.withheld.map(describeWithheld);
  adjRibOut.setRoutes(routes, nextHops);
  let sent = 0;
  for (let taken = adjRibOut.take(65_536); taken; taken = adjRibOut.take(65_536)) {
    router.take(taken.octets);
    sent += taken.advertised + taken.withdrawn;
  }
  const withdrawn = [...before.keys()].filter((prefix) => !router.routes.has(prefix));
  const advertised = [...router.routes].filter(
    ([prefix, attributes]) => !isDeepStrictEqual(before.get(prefix), attributes),
  );
  assert.equal(sent, withdrawn.length + advertised.length, `${name} was sent what it had`);
  return [
    ...withdrawn.map((prefix) => `-${prefix}`),
    ...advertised.map(([prefix, attributes]) => `+${prefix}${describe(attributes)}`),
    ...adjRibOut.withheld.map(describeWithheld).filter((one) => !withheld.includes(one)),
    ...router.endOfRib.slice(ended).map((family) => `End-of-RIB ${family}`),
  ].map((sentence) => `${name} ${sentence}`);
}

function describeWithheld({ prefix, reason }: WithheldRoute): string {
  return `withheld ${prefix.key}: ${reason}`;
}

/** What may differ from one route of ours to another. */
function describe(attributes: PathAttributes): string {
  const { multiExitDisc, localPref, communities, largeCommunities, extendedCommunities } =
    attributes;
  const asPath = attributes.asPath?.flatMap(({ asns }) => asns) ?? [];
  const parts = {
    AS_PATH: asPath.length > 1 ? asPath : undefined,
    MED: multiExitDisc,
    LOCAL_PREF: localPref,
    communities: communities?.map((one) => `${one >>> 16}:${one & 0xffff}`),
    "large communities": largeCommunities?.map((one) => one.join(":")),
    "link bandwidth": extendedCommunities?.map(bandwidthMbytes),
  };
  return Object.entries(parts)
    .flatMap(([name, value]) =>
      value === undefined ? [] : [`, ${name} ${[value].flat().join(" ")}`],
    )
    .join("");
}

/** The octets per second of a link bandwidth extended community are its last four, a float. */
function bandwidthMbytes(community: bigint): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, community);
  return `${view.getFloat32(4) / 1_000_000} MB/s`;
}
