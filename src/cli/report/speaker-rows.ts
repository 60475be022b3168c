import { gracefulShutdownCommunity } from "../../bgp/codec/iana.ts";
import { type Address, parseAddress } from "../../net/address.ts";
import { parsePrefix, prefixContains } from "../../net/prefix.ts";
import type { PodAnswer } from "./collect.ts";
import { obstacleOf, passedGates, type Row, unknownRow, withheldRow } from "./row.ts";
import type { RouteView, ServiceView, SessionView, SpeakerView } from "./speaker-view.ts";

/** How the address `address` of a Service stands on the node of a speaker: a row for each peer. */
export function explainSpeaker(
  { node, outcome }: PodAnswer<SpeakerView>,
  serviceKey: string,
  address: string,
): readonly Row[] {
  if (outcome.type === "silent") {
    return [unknownRow(node, outcome.why)];
  }
  const { view } = outcome;
  const service = view.services.get(serviceKey);
  if (service === undefined) {
    const [first] = view.waitingFor;
    return [
      unknownRow(node, first === undefined ? "the speaker does not see the Service yet" : first),
    ];
  }
  const parsed = parseAddress(address);
  const text = parsed?.text ?? address;
  const ofNode = service.withheld.find(
    (entry) => entry.peer === undefined && (entry.address ?? text) === text,
  );
  const notDialled = view.notDialled.map(({ entryName, ...reason }) =>
    withheldRow(node, entryName, obstacleOf(reason)),
  );
  if (ofNode?.reason === "no-peers" && notDialled.length > 0) {
    return notDialled;
  }
  if (ofNode !== undefined) {
    return [withheldRow(node, undefined, obstacleOf(ofNode))];
  }
  return [
    ...view.sessions.map((session) => explainSession(view, service, session, parsed, text)),
    ...notDialled,
  ];
}

function explainSession(
  view: SpeakerView,
  service: ServiceView,
  session: SessionView,
  address: Address | undefined,
  text: string,
): Row {
  const { node } = view;
  const { name } = session;
  const ofPeer = service.withheld.find(
    (entry) => entry.peer === name && (entry.address ?? text) === text,
  );
  if (ofPeer !== undefined) {
    return withheldRow(node, name, obstacleOf(ofPeer));
  }
  const routes = (view.routes.get(name) ?? []).filter(({ prefix }) => covers(prefix, address));
  if (session.state !== "Established") {
    return withheldRow(node, name, obstacleOf({ reason: "session-down", text: whyDown(session) }));
  }
  const carried = routes.filter(
    ({ prefix }) => !session.withheld.some((held) => held.prefix === prefix),
  );
  if (routes.length > 0 && carried.length === 0) {
    const [held] = session.withheld.filter(({ prefix }) => covers(prefix, address));
    return withheldRow(node, name, obstacleOf(sessionReason(held?.reason ?? "")));
  }
  if (carried.length === 0) {
    return { ...unknownRow(node, "the speaker has no route for it yet"), peer: name };
  }
  const isLeaving = carried.every(({ communities }) => communities.includes(gracefulShutdown));
  return {
    node,
    peer: name,
    verdict: isLeaving ? "leaving" : "advertised",
    note: noteOf(carried, session),
    gates: passedGates,
  };
}

const gracefulShutdown = `${gracefulShutdownCommunity >>> 16}:${gracefulShutdownCommunity & 0xffff}`;

function covers(prefix: string, address: Address | undefined): boolean {
  const parsed = parsePrefix(prefix);
  return parsed !== undefined && address !== undefined && prefixContains(parsed, address);
}

function whyDown({ state, lastError }: SessionView): string {
  return `The session is in state ${state}${lastError === undefined ? "" : `: ${lastError}`}.`;
}

const sessionReasons: ReadonlyMap<string, string> = new Map([
  ["family-not-negotiated", "The router did not offer the route's address family."],
  ["no-next-hop", "No address of this node can be the next hop of that family."],
  ["attributes-too-long", "The path attributes of the route fill a whole message."],
]);

function sessionReason(reason: string) {
  return { reason, text: sessionReasons.get(reason) ?? `The session withholds it: ${reason}.` };
}

function noteOf(routes: readonly RouteView[], { pending }: SessionView): string {
  const described = routes.map(describeRoute).join("; ");
  return pending === 0 ? described : `${described}; ${pending} changes are on their way`;
}

function describeRoute({ prefix, localPref, med, prepend, communities, linkBandwidth }: RouteView) {
  const parts = [
    prefix,
    ...(localPref === undefined || localPref === 100 ? [] : [`localpref ${localPref}`]),
    ...(med === undefined ? [] : [`MED ${med}`]),
    ...(prepend === undefined || prepend === 0 ? [] : [`prepend ${prepend}`]),
    ...(linkBandwidth === undefined ? [] : [`weight ${linkBandwidth / octetsPerEndpoint}`]),
    ...(communities.length === 0 ? [] : [`communities ${communities.join(" ")}`]),
  ];
  return parts.join(", ");
}

/** What one endpoint counts in a link bandwidth (design.md section 5). */
const octetsPerEndpoint = 1_000_000;
