import { type GateName, gateNames, gateOf } from "../../speaker/gates.ts";

/** How an address stands on one node, towards one peer. */
export interface Row {
  readonly node: string;
  /** Of the session; absent: the row is about all of them. */
  readonly peer?: string;
  /** `leaving`: advertised, with GRACEFUL_SHUTDOWN. */
  readonly verdict: "advertised" | "leaving" | "withheld" | "unknown";
  /** The first gate that fails, with its reason; absent where none does or it is not known. */
  readonly obstacle?: Obstacle;
  /** What is advertised, or why that is not known. */
  readonly note?: string;
  /** All of them, in their order. */
  readonly gates: readonly GateState[];
}

export interface Obstacle {
  /** `other`: a reason that this version does not know. */
  readonly gate: GateName | "other";
  readonly reason: string;
  /** A sentence. */
  readonly text: string;
  readonly cure?: string;
}

export interface GateState {
  readonly gate: GateName;
  /** `not-reached`: one before it failed. */
  readonly mark: "passes" | "fails" | "not-reached" | "unknown";
}

export function obstacleOf({ reason, text }: Pick<Obstacle, "reason" | "text">): Obstacle {
  const known = gateOf(reason);
  return { gate: known?.gate ?? "other", reason, text, ...(known && { cure: known.cure }) };
}

/** An address that is not advertised there, and why. */
export function withheldRow(node: string, peer: string | undefined, obstacle: Obstacle): Row {
  return {
    node,
    ...(peer === undefined ? {} : { peer }),
    verdict: "withheld",
    obstacle,
    gates: obstacle.gate === "other" ? unknownGates : gatesUpTo(obstacle.gate),
  };
}

/** `note` says why it is not known whether the address is advertised there. */
export function unknownRow(node: string, note: string): Row {
  return { node, verdict: "unknown", note, gates: unknownGates };
}

const unknownGates = gateNames.map((gate): GateState => ({ gate, mark: "unknown" }));

export const passedGates = gateNames.map((gate): GateState => ({ gate, mark: "passes" }));

function gatesUpTo(failing: GateName): readonly GateState[] {
  const at = gateNames.indexOf(failing);
  return gateNames.map((gate, index): GateState => {
    const mark = index < at ? "passes" : index === at ? "fails" : "not-reached";
    return { gate, mark };
  });
}
