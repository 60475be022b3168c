import { listOf, numberOf, recordOf, textOf } from "../../kube/json.ts";
import { type ConfigView, readConfig } from "./speaker-view.ts";

/** What operator commands read of a controller's `/state`. */
export interface ControllerView {
  readonly leads: boolean;
  readonly config: ConfigView & { readonly why: string };
  readonly pools: readonly PoolView[];
  readonly servicesWithAddress: number;
  readonly withoutAddress: readonly ServiceReason[];
  /** They have an address and want another one, or one more. */
  readonly unmet: readonly ServiceReason[];
}

export interface PoolView {
  readonly pool: string;
  readonly family: "ipv4" | "ipv6";
  readonly total: number;
  readonly used: number;
  readonly free: number;
}

export interface ServiceReason {
  readonly service: string;
  readonly reason: string;
  readonly message: string;
}

/** Undefined if `state` is no controller's. */
export function readControllerState(state: unknown): ControllerView | undefined {
  const record = recordOf(state);
  if (!("leads" in record)) {
    return undefined;
  }
  return {
    leads: record["leads"] === true,
    config: {
      ...readConfig(record["config"]),
      why: textOf(recordOf(record["config"])["why"]) ?? "",
    },
    pools: listOf(record["pools"]).map(recordOf).flatMap(readPool),
    servicesWithAddress: numberOf(record["servicesWithAddress"]) ?? 0,
    withoutAddress: listOf(record["servicesWithoutAddress"]).map(readReason),
    unmet: listOf(record["servicesWithUnmetRequest"]).map(readReason),
  };
}

function readPool(pool: Readonly<Record<string, unknown>>): readonly PoolView[] {
  return (["ipv4", "ipv6"] as const).flatMap((family) => {
    if (!(family in pool)) {
      return [];
    }
    const use = recordOf(pool[family]);
    return [
      {
        pool: textOf(pool["name"]) ?? "",
        family,
        total: numberOf(use["total"]) ?? 0,
        used: numberOf(use["used"]) ?? 0,
        free: numberOf(use["free"]) ?? 0,
      },
    ];
  });
}

function readReason(value: unknown): ServiceReason {
  const entry = recordOf(value);
  return {
    service: textOf(entry["service"]) ?? "",
    reason: textOf(entry["reason"]) ?? "",
    message: textOf(entry["message"]) ?? "",
  };
}
