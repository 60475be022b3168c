/**
 * BFD Control packets on the wire (RFC 5880 §4.1).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
 *     |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
 *     +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
 *     |                       My Discriminator                        |
 *     |                      Your Discriminator                       |
 *     |                    Desired Min TX Interval                    |
 *     |                   Required Min RX Interval                    |
 *     |                 Required Min Echo RX Interval                 |
 *     +---------------------------------------------------------------+
 */

/** RFC 5880 §4.1, State (Sta). */
export const bfdStates = ["AdminDown", "Down", "Init", "Up"] as const;
export type BfdState = (typeof bfdStates)[number];

/** RFC 5880 §4.1, Diagnostic (Diag). Values 9 to 31 are reserved and kept as numbers. */
export const BfdDiagnostic = {
  None: 0,
  ControlDetectionTimeExpired: 1,
  EchoFunctionFailed: 2,
  NeighborSignaledSessionDown: 3,
  ForwardingPlaneReset: 4,
  PathDown: 5,
  ConcatenatedPathDown: 6,
  AdministrativelyDown: 7,
  ReverseConcatenatedPathDown: 8,
} as const;

/** Intervals are microseconds, as on the wire; discriminators are 32-bit numbers. */
export interface BfdPacket {
  readonly diagnostic: number;
  readonly state: BfdState;
  readonly poll: boolean;
  readonly final: boolean;
  readonly controlPlaneIndependent: boolean;
  readonly authenticationPresent: boolean;
  readonly demand: boolean;
  readonly multipoint: boolean;
  readonly detectMultiplier: number;
  readonly myDiscriminator: number;
  readonly yourDiscriminator: number;
  readonly desiredMinTxIntervalUs: number;
  readonly requiredMinRxIntervalUs: number;
  readonly requiredMinEchoRxIntervalUs: number;
}

const packetLength = 24;
const shortestAuthenticated = 26;

/** Encodes a packet without an authentication section, in 24 octets. */
export function encodeBfdPacket(packet: BfdPacket): Uint8Array {
  const octets = new Uint8Array(packetLength);
  const view = new DataView(octets.buffer);
  octets[0] = (1 << 5) | packet.diagnostic;
  octets[1] =
    (bfdStates.indexOf(packet.state) << 6) |
    (packet.poll ? 0x20 : 0) |
    (packet.final ? 0x10 : 0) |
    (packet.controlPlaneIndependent ? 0x08 : 0) |
    (packet.authenticationPresent ? 0x04 : 0) |
    (packet.demand ? 0x02 : 0) |
    (packet.multipoint ? 0x01 : 0);
  octets[2] = packet.detectMultiplier;
  octets[3] = packetLength;
  view.setUint32(4, packet.myDiscriminator);
  view.setUint32(8, packet.yourDiscriminator);
  view.setUint32(12, packet.desiredMinTxIntervalUs);
  view.setUint32(16, packet.requiredMinRxIntervalUs);
  view.setUint32(20, packet.requiredMinEchoRxIntervalUs);
  return octets;
}

/** Why a datagram is discarded: the checks of RFC 5880 §6.8.6 that need no session. */
export type BfdDiscard =
  | "wrong-version"
  | "wrong-length"
  | "zero-detect-multiplier"
  | "multipoint"
  | "zero-my-discriminator"
  | "zero-your-discriminator"
  | "authentication";

/**
 * Decodes one datagram, or says why it must be discarded (RFC 5880 §6.8.6).
 *
 * We use no authentication, so a packet that carries it is discarded as that section demands.
 */
export function decodeBfdPacket(datagram: Uint8Array): BfdPacket | BfdDiscard {
  const [versionAndDiagnostic = 0, flags = 0, detectMultiplier = 0, length = 0] = datagram;
  if (datagram.length < packetLength) {
    return "wrong-length";
  }
  if (versionAndDiagnostic >> 5 !== 1) {
    return "wrong-version";
  }
  const authenticationPresent = (flags & 0x04) !== 0;
  const shortest = authenticationPresent ? shortestAuthenticated : packetLength;
  if (length < shortest || length > datagram.length) {
    return "wrong-length";
  }
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const packet: BfdPacket = {
    diagnostic: versionAndDiagnostic & 0x1f,
    state: bfdStates[flags >> 6] ?? "AdminDown",
    poll: (flags & 0x20) !== 0,
    final: (flags & 0x10) !== 0,
    controlPlaneIndependent: (flags & 0x08) !== 0,
    authenticationPresent,
    demand: (flags & 0x02) !== 0,
    multipoint: (flags & 0x01) !== 0,
    detectMultiplier,
    myDiscriminator: view.getUint32(4),
    yourDiscriminator: view.getUint32(8),
    desiredMinTxIntervalUs: view.getUint32(12),
    requiredMinRxIntervalUs: view.getUint32(16),
    requiredMinEchoRxIntervalUs: view.getUint32(20),
  };
  return whyDiscard(packet) ?? packet;
}

function whyDiscard(packet: BfdPacket): BfdDiscard | undefined {
  if (packet.detectMultiplier === 0) {
    return "zero-detect-multiplier";
  }
  if (packet.multipoint) {
    return "multipoint";
  }
  if (packet.myDiscriminator === 0) {
    return "zero-my-discriminator";
  }
  if (packet.yourDiscriminator === 0 && packet.state !== "Down" && packet.state !== "AdminDown") {
    return "zero-your-discriminator";
  }
  return packet.authenticationPresent ? "authentication" : undefined;
}
