import type { Logger } from "../../runtime/logger.ts";
import type { AdvertisedDiff, ServiceAddress } from "../changes.ts";
import type { NotDialled } from "../peers.ts";

/** So many addresses of a change are named in the log. */
const shownAddresses = 10;

/** Says what changed from one pass to the next. */
export class ChangeLog {
  readonly #logger: Logger;
  #notDialled: readonly NotDialled[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** As of the last pass. */
  get notDialled(): readonly NotDialled[] {
    return this.#notDialled;
  }

  showAdvertised({ added, removed }: AdvertisedDiff): void {
    if (added.length + removed.length > 0) {
      const some = (addresses: readonly ServiceAddress[]) =>
        addresses.slice(0, shownAddresses).map(({ service, ip }) => `${service} ${ip}`);
      this.#logger.info(
        {
          advertised: added.length,
          withdrawn: removed.length,
          ...(added.length === 0 ? {} : { advertise: some(added) }),
          ...(removed.length === 0 ? {} : { withdraw: some(removed) }),
        },
        "what this node advertises changed",
      );
    }
  }

  showNotDialled(notDialled: readonly NotDialled[]): void {
    const before = new Map(this.#notDialled.map((one) => [one.entryName, one.reason]));
    for (const { entryName, reason, text } of notDialled) {
      if (before.get(entryName) !== reason) {
        const fields = { peer: entryName, reason, cause: text };
        if (reason === "node-not-selected") {
          this.#logger.info(fields, "peer is not for this node");
        } else {
          this.#logger.warn(fields, "peer is not dialled");
        }
      }
    }
    this.#notDialled = notDialled;
  }
}
