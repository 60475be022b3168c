/** What an Event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent for a Node: its Events are in namespace `default` (the server takes them nowhere else). */
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
}

export interface EventNote {
  readonly subject: EventSubject;
  readonly type: "Normal" | "Warning";
  /** UpperCamelCase. With the subject's UID it makes the Event's name: one Event for both. */
  readonly reason: string;
  /** At most 1,024 characters arrive. */
  readonly message: string;
}
