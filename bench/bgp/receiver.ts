import type { Place } from "./place.ts";

/** The router: it takes the sender's routes and puts them into its kernel. */
export interface Receiver extends AsyncDisposable {
  /** Routes of the sender's in its table. */
  routes(): Promise<number>;
  /** Of the last session, by the router's log. */
  moments(): Promise<SessionMoments>;
  /** The router is ready for a session. */
  readonly isListening: () => Promise<boolean>;
}

/** Milliseconds since the Unix epoch. */
export interface SessionMoments {
  /** When it came up; undefined if it never did. */
  readonly establishedMs: number | undefined;
  /** When the router had worked off all UPDATEs before End-of-RIB, if it logs that and was sent it. */
  readonly endOfRibMs?: number | undefined;
}

export interface ReceiverKind {
  readonly name: string;
  start(place: Place): Promise<Receiver>;
}
