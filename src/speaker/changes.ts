import type { Decision } from "./decide.ts";

export interface ServiceAddress {
  /** Key of the Service. */
  readonly service: string;
  readonly ip: string;
}

export interface AdvertisedDiff {
  readonly added: readonly ServiceAddress[];
  readonly removed: readonly ServiceAddress[];
}

/** Which addresses of which Services came and went between two decisions. */
export function diffAdvertised(
  before: Decision["advertised"],
  after: Decision["advertised"],
): AdvertisedDiff {
  return { added: missingFrom(before, after), removed: missingFrom(after, before) };
}

/** What is in `some` and not in `base`. */
function missingFrom(base: Decision["advertised"], some: Decision["advertised"]): ServiceAddress[] {
  const missing: ServiceAddress[] = [];
  for (const [service, addresses] of some) {
    const held = base.get(service);
    if (held === addresses) {
      continue;
    }
    for (const ip of addresses) {
      if (held?.includes(ip) !== true) {
        missing.push({ service, ip });
      }
    }
  }
  return missing;
}
