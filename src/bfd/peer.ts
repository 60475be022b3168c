import type { BfdParameters } from "./machine.ts";
import type { BfdPeer } from "./ports.ts";

/** Where packets go (RFC 5881 §4, RFC 5883 §5). */
const singleHopPort = 3784;
const multihopPort = 4784;

export function portOf(peer: BfdPeer): number {
  return peer.multihop ? multihopPort : singleHopPort;
}

export function minimumTtlOf(peer: BfdPeer): number {
  return peer.multihop ? peer.minimumTtl : 255;
}

export function listenerKey(peer: BfdPeer): string {
  return `${peer.localAddress.text} ${portOf(peer)}`;
}

export function sameAddresses(a: BfdPeer, b: BfdPeer): boolean {
  return listenerKey(a) === listenerKey(b) && a.remoteAddress.text === b.remoteAddress.text;
}

export function sameParameters(a: BfdPeer, b: BfdPeer): boolean {
  return (
    a.transmitIntervalMs === b.transmitIntervalMs &&
    a.receiveIntervalMs === b.receiveIntervalMs &&
    a.detectMultiplier === b.detectMultiplier &&
    a.passive === b.passive
  );
}

export function parametersOf(peer: BfdPeer): BfdParameters {
  return {
    transmitIntervalUs: peer.transmitIntervalMs * 1000,
    receiveIntervalUs: peer.receiveIntervalMs * 1000,
    detectMultiplier: peer.detectMultiplier,
    passive: peer.passive,
  };
}
