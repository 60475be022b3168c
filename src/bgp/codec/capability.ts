import type { WireFamily } from "./family.ts";
import { CapabilityCode } from "./iana.ts";
import { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** What a speaker says in its OPEN that it can do (RFC 5492). */
export type Capability =
  /** RFC 4760 §8. */
  | ({ readonly type: "multiprotocol" } & WireFamily)
  /** RFC 2918. */
  | { readonly type: "route-refresh" }
  /** RFC 7313. */
  | { readonly type: "enhanced-route-refresh" }
  /** RFC 8654. */
  | { readonly type: "extended-message" }
  /** RFC 8950 §4: routes of `afi`, `safi` may have a next hop of `nextHopAfi`. */
  | { readonly type: "extended-next-hop"; readonly entries: readonly ExtendedNextHopEntry[] }
  | GracefulRestartCapability
  /** RFC 6793 §3. */
  | { readonly type: "four-octet-asn"; readonly asn: number }
  /** draft-walton-bgp-hostname-capability §3. */
  | { readonly type: "hostname"; readonly hostname: string; readonly domain: string }
  /** One that we do not know, or a known one whose octets make no sense. */
  | { readonly type: "unknown"; readonly code: number; readonly octets: Uint8Array };

export interface ExtendedNextHopEntry extends WireFamily {
  readonly nextHopAfi: number;
}

/** RFC 4724 §3. */
export interface GracefulRestartCapability {
  readonly type: "graceful-restart";
  /** R: this speaker has restarted; do not wait for its End-of-RIB. */
  readonly restarted: boolean;
  /** N (RFC 8538 §2): a NOTIFICATION is a graceful restart, too. */
  readonly notification: boolean;
  /** 0 to 4095. */
  readonly restartTimeSeconds: number;
  readonly families: readonly GracefulRestartFamily[];
}

export interface GracefulRestartFamily extends WireFamily {
  /** F: forwarding state was kept over the restart. */
  readonly forwarding: boolean;
}

const restartedFlag = 0x8;
const notificationFlag = 0x4;
const forwardingFlag = 0x80;

const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const utf8Encoder = new TextEncoder();

class MalformedCapability extends Error {}

/**
 * Decodes the capabilities that fill the rest of `reader` (RFC 5492 §4).
 *
 *     +------------------------------+
 *     | Capability Code (1 octet)    |
 *     | Capability Length (1 octet)  |
 *     | Capability Value (variable)  |
 *     +------------------------------+
 *
 * A value that its RFC does not allow makes that capability unknown, not the OPEN malformed: it is
 * then as if the peer had not advertised it.
 *
 * @throws what `reader` throws, if a capability overruns its parameter
 */
export function decodeCapabilities(reader: Reader): Capability[] {
  const capabilities: Capability[] = [];
  while (reader.remaining > 0) {
    const code = reader.uint8();
    const octets = reader.bytes(reader.uint8());
    capabilities.push(decodeCapability(code, octets));
  }
  return capabilities;
}

function decodeCapability(code: number, octets: Uint8Array): Capability {
  const unknown = { type: "unknown", code, octets: new Uint8Array(octets) } as const;
  try {
    const reader = new Reader(octets, () => new MalformedCapability());
    const capability = decodeValue(code, reader);
    return capability === undefined || reader.remaining > 0 ? unknown : capability;
  } catch (error) {
    if (error instanceof MalformedCapability) {
      return unknown;
    }
    throw error;
  }
}

function decodeValue(code: number, reader: Reader): Capability | undefined {
  switch (code) {
    case CapabilityCode.Multiprotocol: {
      const afi = reader.uint16();
      reader.uint8();
      return { type: "multiprotocol", afi, safi: reader.uint8() };
    }
    case CapabilityCode.RouteRefresh:
      return { type: "route-refresh" };
    case CapabilityCode.EnhancedRouteRefresh:
      return { type: "enhanced-route-refresh" };
    case CapabilityCode.ExtendedMessage:
      return { type: "extended-message" };
    case CapabilityCode.ExtendedNextHop:
      return { type: "extended-next-hop", entries: decodeNextHopEntries(reader) };
    case CapabilityCode.GracefulRestart:
      return decodeGracefulRestart(reader);
    case CapabilityCode.FourOctetAsn:
      return { type: "four-octet-asn", asn: reader.uint32() };
    case CapabilityCode.Hostname: {
      const hostname = utf8Decoder.decode(reader.bytes(reader.uint8()));
      const domain = utf8Decoder.decode(reader.bytes(reader.uint8()));
      return { type: "hostname", hostname, domain };
    }
    default:
      return undefined;
  }
}

/** The SAFI has two octets here, unlike elsewhere (RFC 8950 §4). */
function decodeNextHopEntries(reader: Reader): ExtendedNextHopEntry[] {
  const entries: ExtendedNextHopEntry[] = [];
  while (reader.remaining > 0) {
    entries.push({ afi: reader.uint16(), safi: reader.uint16(), nextHopAfi: reader.uint16() });
  }
  return entries;
}

function decodeGracefulRestart(reader: Reader): GracefulRestartCapability {
  const flagsAndTime = reader.uint16();
  const families: GracefulRestartFamily[] = [];
  while (reader.remaining > 0) {
    const afi = reader.uint16();
    const safi = reader.uint8();
    families.push({ afi, safi, forwarding: (reader.uint8() & forwardingFlag) !== 0 });
  }
  const flags = flagsAndTime >>> 12;
  return {
    type: "graceful-restart",
    restarted: (flags & restartedFlag) !== 0,
    notification: (flags & notificationFlag) !== 0,
    restartTimeSeconds: flagsAndTime & 0xfff,
    families,
  };
}

/**
 * Encodes one capability, with its code and length.
 *
 * @throws RangeError if its value takes more than 255 octets
 */
export function encodeCapability(capability: Capability, writer: Writer): void {
  writer.uint8(capabilityCode(capability));
  writer.field8(() => encodeValue(capability, writer));
}

function capabilityCode(capability: Capability): number {
  switch (capability.type) {
    case "multiprotocol":
      return CapabilityCode.Multiprotocol;
    case "route-refresh":
      return CapabilityCode.RouteRefresh;
    case "enhanced-route-refresh":
      return CapabilityCode.EnhancedRouteRefresh;
    case "extended-message":
      return CapabilityCode.ExtendedMessage;
    case "extended-next-hop":
      return CapabilityCode.ExtendedNextHop;
    case "graceful-restart":
      return CapabilityCode.GracefulRestart;
    case "four-octet-asn":
      return CapabilityCode.FourOctetAsn;
    case "hostname":
      return CapabilityCode.Hostname;
    case "unknown":
      return capability.code;
  }
}

function encodeValue(capability: Capability, writer: Writer): void {
  switch (capability.type) {
    case "multiprotocol":
      writer.uint16(capability.afi);
      writer.uint8(0);
      writer.uint8(capability.safi);
      return;
    case "route-refresh":
    case "enhanced-route-refresh":
    case "extended-message":
      return;
    case "extended-next-hop":
      for (const entry of capability.entries) {
        writer.uint16(entry.afi);
        writer.uint16(entry.safi);
        writer.uint16(entry.nextHopAfi);
      }
      return;
    case "graceful-restart":
      encodeGracefulRestart(capability, writer);
      return;
    case "four-octet-asn":
      writer.uint32(capability.asn);
      return;
    case "hostname":
      writer.field8(() => writer.bytes(utf8Encoder.encode(capability.hostname)));
      writer.field8(() => writer.bytes(utf8Encoder.encode(capability.domain)));
      return;
    case "unknown":
      writer.bytes(capability.octets);
      return;
  }
}

function encodeGracefulRestart(capability: GracefulRestartCapability, writer: Writer): void {
  const flags =
    (capability.restarted ? restartedFlag : 0) | (capability.notification ? notificationFlag : 0);
  writer.uint16((flags << 12) | (capability.restartTimeSeconds & 0xfff));
  for (const { afi, safi, forwarding } of capability.families) {
    writer.uint16(afi);
    writer.uint8(safi);
    writer.uint8(forwarding ? forwardingFlag : 0);
  }
}
