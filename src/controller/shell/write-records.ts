import type { Service } from "../../cluster/service.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Outcome } from "../outcome.ts";
import type { ServiceEvent } from "../service-events.ts";
import { formatOverwritten, observe, recordWrite, type WriteRecord } from "../write-record.ts";

export interface WriteRecordsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** A pause is over. */
  readonly wake: () => void;
  readonly onEvent: (service: Service, event: ServiceEvent) => void;
}

/** What is remembered of our writes, by the Service's key; says when somebody overwrites them. */
export class WriteRecords {
  readonly #options: WriteRecordsOptions;
  readonly #records = new Map<string, WriteRecord>();

  constructor(options: WriteRecordsOptions) {
    this.#options = options;
  }

  get keys(): Iterable<string> {
    return this.#records.keys();
  }

  /** Keys of Services whose status is left alone for a while. */
  get paused(): readonly string[] {
    return [...this.#records].flatMap(([key, { pause }]) => (pause === undefined ? [] : [key]));
  }

  /** The record of `key`, with what `service` shows now; undefined: there is none that counts. */
  observe(key: string, service: Service, outcome: Outcome | undefined): WriteRecord | undefined {
    const record = this.#records.get(key);
    if (record === undefined || record.uid !== service.uid || outcome === undefined) {
      this.#records.delete(key);
      return undefined;
    }
    const { clock, logger, wake, onEvent } = this.#options;
    const observed = observe(record, service, outcome, clock.now());
    this.#records.set(key, observed);
    if (observed.pause !== undefined && record.pause === undefined) {
      const { about, untilMs } = observed.pause;
      const message = formatOverwritten(service, about);
      const fields = { service: key, about, manager: service.ingressManager };
      logger.error(fields, "status is overwritten");
      onEvent(service, { type: "Warning", reason: "StatusOverwritten", message });
      clock.after(untilMs - clock.now(), wake);
    }
    return observed;
  }

  /** A write was answered with `answer`. */
  take(key: string, answer: Service, outcome: Outcome | undefined): WriteRecord {
    const record = recordWrite(this.#records.get(key), answer, outcome);
    this.#records.set(key, record);
    return record;
  }

  forget(key: string): void {
    this.#records.delete(key);
  }
}
