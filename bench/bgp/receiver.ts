import type { Place } from "./place.ts";

/** The router: it takes the sender's routes and puts them into its kernel. */
export interface Receiver extends AsyncDisposable {
  /** Routes of the sender's in its table. */
  routes(): Promise<number>;
  /** When the session last came up, by the router's log; undefined if it never did. */
  establishedAtMs(): Promise<number | undefined>;
  /** The router is ready for a session. */
  readonly isListening: () => Promise<boolean>;
}

export interface ReceiverKind {
  readonly name: string;
  start(place: Place): Promise<Receiver>;
}
