import type { Place } from "./place.ts";

/** Who sends routes: 10.0.0.0/32 and the addresses after it, in one set of attributes. */
export interface Sender {
  readonly name: string;
  /** Resolves when the process has `count` routes and dials nobody. */
  start(place: Place, count: number): Promise<RunningSender>;
}

export interface RunningSender extends AsyncDisposable {
  /** Its processes. */
  readonly pids: readonly number[];
  /** Begins to dial; all routes follow when the session is up. */
  connect(): Promise<void>;
  /** Gives the command; the routes may go later. */
  withdrawAll(): Promise<void>;
  /** Gives the command to withdraw the first route, or to advertise it again. */
  change(isPresent: boolean): Promise<void>;
}

/** `10.0.0.0/32` and so on. */
export function prefixText(index: number): string {
  return `10.${(index >>> 16) & 255}.${(index >>> 8) & 255}.${index & 255}/32`;
}
