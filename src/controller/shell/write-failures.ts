import { isConflict, isNotFound, KubeError } from "../../kube/client.ts";
import type { Logger } from "../../runtime/logger.ts";

/** Says of failed writes what is new: one line for thousands that fail alike, until one succeeds. */
export class WriteFailures {
  readonly #logger: Logger;
  #last: string | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** A Service that changed or went meanwhile is nothing unusual: the watch brings what is new. */
  take(key: string, error: unknown): void {
    const logger = this.#logger;
    const fields = { service: key, err: error };
    if (isConflict(error) || isNotFound(error)) {
      logger.debug(fields, "the Service changed before its status was written");
      return;
    }
    const status = error instanceof KubeError ? error.status : -1;
    const failure = status >= 0 ? `${status}` : error instanceof Error ? error.message : "unknown";
    if (this.#last === failure) {
      logger.debug(fields, "status not written");
    } else if (status === 0 || status === 429 || status >= 500) {
      logger.warn(fields, "status not written; it is tried again");
    } else {
      logger.error(fields, "status not written; it is tried again");
    }
    this.#last = failure;
  }

  /** A write succeeded. */
  clear(): void {
    this.#last = undefined;
  }
}
