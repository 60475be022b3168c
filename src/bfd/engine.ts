import { detectionTimeUs, jitteredUs, transmitIntervalUs } from "./intervals.ts";
import { Listeners } from "./listeners.ts";
import {
  type BfdAction,
  type BfdMachine,
  createBfdMachine,
  currentPacket,
  stepBfd,
} from "./machine.ts";
import { type BfdDiscard, type BfdState, decodeBfdPacket, encodeBfdPacket } from "./packet.ts";
import { listenerKey, parametersOf, portOf, sameAddresses, sameParameters } from "./peer.ts";
import type { BfdClock, BfdPeer, BfdSender, BfdTransport } from "./ports.ts";

export interface BfdStateChange {
  readonly key: string;
  readonly from: BfdState;
  readonly to: BfdState;
  /** Ours (RFC 5880 §4.1), and what the peer said last. */
  readonly diagnostic: number;
  readonly remoteState: BfdState;
  readonly remoteDiagnostic: number;
}

/** For `/state` and metrics; intervals are milliseconds, counters start at the session's creation. */
export interface BfdStatus {
  readonly key: string;
  readonly state: BfdState;
  readonly remoteState: BfdState;
  readonly diagnostic: number;
  readonly remoteDiagnostic: number;
  /** 0 until the peer has spoken. */
  readonly detectionTimeMs: number;
  /** Absent while we must be silent. */
  readonly transmitIntervalMs?: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly sessionUps: number;
  readonly sessionDowns: number;
}

interface Session {
  peer: BfdPeer;
  machine: BfdMachine;
  readonly sender: BfdSender;
  transmitTimer: { cancel(): void } | undefined;
  transmitDueMs: number;
  detectTimer: { cancel(): void } | undefined;
  packetsSent: number;
  packetsReceived: number;
  sessionUps: number;
  sessionDowns: number;
}

export interface BfdEngineOptions {
  readonly clock: BfdClock;
  readonly transport: BfdTransport;
  /** 0 to 1, as Math.random. */
  readonly random: () => number;
  readonly onChange: (change: BfdStateChange) => void;
  /** A session whose sockets cannot be opened does not run; it is tried again at the next setPeers. */
  readonly onError: (key: string, error: unknown) => void;
}

/** All BFD sessions of a speaker: timers, sockets and demultiplexing around the pure machine. */
export class BfdEngine {
  readonly #options: BfdEngineOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #listeners: Listeners;
  readonly #discarded = new Map<BfdDiscard | "no-session", number>();

  constructor(options: BfdEngineOptions) {
    this.#options = options;
    this.#listeners = new Listeners({
      ...options,
      onDatagram: (listener, source, datagram) => this.#receive(listener, source, datagram),
    });
  }

  /**
   * Hands over all sessions that shall exist. One whose addresses stay keeps running, with new
   * parameters told by a Poll Sequence; one that is gone ends in silence, which its peer sees as a
   * failure: call `adminDown` first where that must not happen.
   */
  setPeers(peers: readonly BfdPeer[]): void {
    const wanted = new Map(peers.map((peer) => [peer.key, peer]));
    for (const [key, session] of this.#sessions) {
      const peer = wanted.get(key);
      if (peer === undefined || !sameAddresses(peer, session.peer)) {
        this.#end(session);
      }
    }
    this.#listeners.set(peers);
    for (const peer of wanted.values()) {
      const session = this.#sessions.get(peer.key);
      if (session === undefined) {
        this.#begin(peer);
      } else if (!sameParameters(peer, session.peer)) {
        session.peer = peer;
        this.#take(session, { type: "parameters", parameters: parametersOf(peer) });
      }
    }
  }

  /** Tells the peer that the session goes down on purpose (RFC 5880 §6.8.16). */
  adminDown(key: string): void {
    const session = this.#sessions.get(key);
    if (session !== undefined) {
      this.#take(session, { type: "admin-down" });
    }
  }

  statuses(): BfdStatus[] {
    return Array.from(this.#sessions.values(), statusOf);
  }

  /** Datagrams that belonged to no session or broke a rule of RFC 5880 §6.8.6, by reason. */
  discarded(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#discarded);
  }

  /** Ends all sessions in silence, at once. */
  close(): void {
    this.setPeers([]);
  }

  #begin(peer: BfdPeer): void {
    const { transport } = this.#options;
    let sender: BfdSender;
    try {
      sender = transport.connect(peer.localAddress, peer.remoteAddress, portOf(peer));
    } catch (error) {
      this.#options.onError(peer.key, error);
      return;
    }
    const session: Session = {
      peer,
      machine: createBfdMachine(parametersOf(peer), this.#newDiscriminator()),
      sender,
      transmitTimer: undefined,
      transmitDueMs: 0,
      detectTimer: undefined,
      packetsSent: 0,
      packetsReceived: 0,
      sessionUps: 0,
      sessionDowns: 0,
    };
    this.#sessions.set(peer.key, session);
    this.#take(session, { type: "start" });
  }

  #end(session: Session): void {
    session.transmitTimer?.cancel();
    session.detectTimer?.cancel();
    session.sender.close();
    this.#sessions.delete(session.peer.key);
  }

  /** RFC 5880 §6.8.6: by Your Discriminator, or by the addresses while the peer does not know it. */
  #receive(listener: string, source: string, datagram: Uint8Array): void {
    const packet = decodeBfdPacket(datagram);
    if (typeof packet === "string") {
      this.#discard(packet);
      return;
    }
    for (const session of this.#sessions.values()) {
      const matches =
        listenerKey(session.peer) === listener &&
        session.peer.remoteAddress.text === source &&
        (packet.yourDiscriminator === 0 ||
          packet.yourDiscriminator === session.machine.localDiscriminator);
      if (matches) {
        session.packetsReceived += 1;
        this.#take(session, { type: "packet", packet });
        return;
      }
    }
    this.#discard("no-session");
  }

  #discard(reason: BfdDiscard | "no-session"): void {
    this.#discarded.set(reason, (this.#discarded.get(reason) ?? 0) + 1);
  }

  #take(session: Session, event: Parameters<typeof stepBfd>[1]): void {
    const step = stepBfd(session.machine, event);
    session.machine = step.machine;
    for (const action of step.actions) {
      this.#perform(session, action);
    }
  }

  #perform(session: Session, action: BfdAction): void {
    switch (action.type) {
      case "send":
        this.#send(session, encodeBfdPacket(action.packet));
        return;
      case "transmit-every":
        this.#scheduleTransmit(session, action.intervalUs);
        return;
      case "stop-transmitting":
        session.transmitTimer?.cancel();
        session.transmitTimer = undefined;
        return;
      case "detect-within":
        session.detectTimer?.cancel();
        session.detectTimer = this.#options.clock.after(action.intervalUs / 1000, () =>
          this.#take(session, { type: "detection-time-expired" }),
        );
        return;
      case "stop-detecting":
        session.detectTimer?.cancel();
        session.detectTimer = undefined;
        return;
      case "state-changed":
        this.#changed(session, action);
    }
  }

  #changed(session: Session, change: Extract<BfdAction, { type: "state-changed" }>): void {
    if (change.to === "Up") {
      session.sessionUps += 1;
    } else if (change.from === "Up") {
      session.sessionDowns += 1;
    }
    // §6.8.7: a packet that differs from the last should not wait for its turn.
    if (transmitIntervalUs(session.machine) !== undefined) {
      this.#send(session, encodeBfdPacket(currentPacket(session.machine)));
    }
    const { type: _, ...rest } = change;
    this.#options.onChange({ key: session.peer.key, ...rest });
  }

  /** Keeps a turn that is due sooner: else frequent packets of the peer could put ours off for ever. */
  #scheduleTransmit(session: Session, intervalUs: number): void {
    const { clock, random } = this.#options;
    const multiplier = session.machine.parameters.detectMultiplier;
    const delayMs = jitteredUs(intervalUs, multiplier, random()) / 1000;
    const dueMs = clock.now() + delayMs;
    if (session.transmitTimer !== undefined && session.transmitDueMs <= dueMs) {
      return;
    }
    session.transmitTimer?.cancel();
    session.transmitDueMs = dueMs;
    session.transmitTimer = clock.after(delayMs, () => {
      session.transmitTimer = undefined;
      const nextUs = transmitIntervalUs(session.machine);
      if (nextUs !== undefined) {
        this.#send(session, encodeBfdPacket(currentPacket(session.machine)));
        this.#scheduleTransmit(session, nextUs);
      }
    });
  }

  #send(session: Session, datagram: Uint8Array): void {
    session.packetsSent += 1;
    session.sender.send(datagram);
  }

  /** §6.8.1: unique among our sessions, not 0, and hard to guess. */
  #newDiscriminator(): number {
    const used = new Set(Array.from(this.#sessions.values(), (s) => s.machine.localDiscriminator));
    for (;;) {
      const candidate = Math.floor(this.#options.random() * 0xffffffff) + 1;
      if (!used.has(candidate)) {
        return candidate;
      }
    }
  }
}

function statusOf(session: Session): BfdStatus {
  const { machine } = session;
  const intervalUs = transmitIntervalUs(machine);
  return {
    key: session.peer.key,
    state: machine.sessionState,
    remoteState: machine.remoteSessionState,
    diagnostic: machine.localDiagnostic,
    remoteDiagnostic: machine.remoteDiagnostic,
    detectionTimeMs: detectionTimeUs(machine) / 1000,
    ...(intervalUs === undefined ? {} : { transmitIntervalMs: intervalUs / 1000 }),
    packetsSent: session.packetsSent,
    packetsReceived: session.packetsReceived,
    sessionUps: session.sessionUps,
    sessionDowns: session.sessionDowns,
  };
}
