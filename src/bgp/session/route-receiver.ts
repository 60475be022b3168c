import type { AddressFamily } from "../../net/address.ts";
import { wireFamily } from "../codec/family.ts";
import { CeaseError } from "../codec/iana.ts";
import { ceaseNotification, type Notification } from "../codec/notification.ts";
import type { ReceivedUpdate } from "../codec/update.ts";
import { ReceivedPrefixes, reachableCount } from "../received-prefixes.ts";
import type { Logger } from "./ports.ts";
import type { MutableCounters } from "./status.ts";

export interface RouteReceiverOptions {
  readonly peerName: string;
  readonly importLimit: number;
  readonly logger: Logger;
  readonly counters: MutableCounters;
  /** The session must end with this NOTIFICATION. */
  readonly onExceeded: (cease: Notification, text: string) => void;
}

/** Counts the routes that the peer sends, and drops them. */
export class RouteReceiver {
  readonly #options: RouteReceiverOptions;
  #prefixes: ReceivedPrefixes;

  constructor(options: RouteReceiverOptions) {
    this.#options = options;
    this.#prefixes = new ReceivedPrefixes(options.importLimit);
  }

  /** A session is up: the peer starts from nothing. */
  open(): void {
    this.#prefixes = new ReceivedPrefixes(this.#options.importLimit);
  }

  take(update: ReceivedUpdate): void {
    const { logger, peerName, counters, importLimit, onExceeded } = this.#options;
    for (const malformed of update.malformed) {
      counters.malformedAttributesReceived += 1;
      logger.debug({ peer: peerName, ...malformed }, "malformed attribute");
    }
    counters.prefixesReceived += reachableCount(update);
    const exceeded = this.#prefixes.take(update);
    if (exceeded !== undefined) {
      const cease = ceaseNotification(
        CeaseError.MaximumNumberOfPrefixesReached,
        limitOctets(exceeded, importLimit),
      );
      onExceeded(cease, `the router sent more routes than import-limit allows (${importLimit})`);
    }
  }
}

/** Data of Cease/1: AFI, SAFI, the limit (RFC 4486 §4). */
function limitOctets(family: AddressFamily, limit: number): Uint8Array {
  const { afi, safi } = wireFamily(family);
  const view = new DataView(new ArrayBuffer(7));
  view.setUint16(0, afi);
  view.setUint8(2, safi);
  view.setUint32(3, limit);
  return new Uint8Array(view.buffer);
}
