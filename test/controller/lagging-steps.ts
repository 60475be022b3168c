import fc from "fast-check";
import {
  anyPools,
  anyPut,
  type PoolsStep,
  type PutStep,
  type Step,
  serviceName,
} from "./allocation-world.ts";

/** A step of the cluster, of the watch, or of the controller. */
export type LaggingStep =
  | Extract<Step, { readonly type: "put" | "delete" | "restart" }>
  | PoolsStep
  /** Deleted and created again under its name: the watch tells of both, a list of the new one only. */
  | { readonly type: "recreate"; readonly put: PutStep }
  /** A write is sent, or not before the decision that follows is made and before it is handed over. */
  | { readonly type: "send"; readonly index: number; readonly isLate: boolean }
  /** A write that is on its way arrives; without `isAnswered` the controller does not learn of it. */
  | { readonly type: "land"; readonly index: number; readonly isAnswered: boolean }
  | { readonly type: "lose"; readonly index: number }
  /** The controller reads a Service of which it had no answer, after the server's limit for writes. */
  | { readonly type: "ask"; readonly index: number }
  /** The watch brings so many events. */
  | { readonly type: "watch"; readonly events: number }
  /** The watch ends, and what happened meanwhile is seen in a new list only. */
  | { readonly type: "list" }
  /** The watch is resumed from so many events ago: they come again. */
  | { readonly type: "repeat"; readonly events: number };

const index = fc.nat(8);
const events = fc.integer({ min: 1, max: 6 });

export const laggingSteps: fc.Arbitrary<readonly LaggingStep[]> = fc.array(
  fc.oneof<fc.MaybeWeightedArbitrary<LaggingStep>[]>(
    { weight: 6, arbitrary: anyPut },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("delete"), name: serviceName }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("recreate"), put: anyPut }) },
    { weight: 1, arbitrary: anyPools },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("restart") }) },
    {
      weight: 10,
      arbitrary: fc.record({ type: fc.constant("send"), index, isLate: fc.boolean() }),
    },
    {
      weight: 8,
      arbitrary: fc.record({ type: fc.constant("land"), index, isAnswered: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("lose"), index }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("ask"), index }) },
    { weight: 10, arbitrary: fc.record({ type: fc.constant("watch"), events }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("list") }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("repeat"), events }) },
  ),
  { minLength: 1, maxLength: 80, size: "max" },
);
