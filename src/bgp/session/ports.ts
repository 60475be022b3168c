/** What a session needs of its process; handed in, so that src/bgp can live anywhere. */

export interface Clock {
  /** Milliseconds of a clock that never goes back; only differences mean something. */
  now(): number;
  /** Milliseconds since the Unix epoch, for display. */
  wallTime(): number;
  /** Calls `callback` once after `delayMs` (0 to 2^31-1); the timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** `message` is constant text; whatever varies is a field. An Error goes under `err`. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
