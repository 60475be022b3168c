import type { FieldError } from "../api-error.ts";
import type { JsonObject } from "../json.ts";

/** What a kind of object needs beyond what all kinds have in common. */
export interface Strategy {
  /** Fills in defaults, and what the server allocates. */
  readonly complete?: (next: JsonObject, current: JsonObject | undefined) => JsonObject;
  /** Called after `complete`; an empty result lets the object in. */
  readonly validate?: (next: JsonObject, current: JsonObject | undefined) => readonly FieldError[];
  /** The same for a write of `status`. */
  readonly completeStatus?: (next: JsonObject, current: JsonObject) => JsonObject;
  readonly validateStatus?: (next: JsonObject) => readonly FieldError[];
  /** Seconds between the first DELETE and the end; 0 or absent: it ends at once. */
  readonly gracePeriodSeconds?: (object: JsonObject) => number;
}
