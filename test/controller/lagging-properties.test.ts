import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { start } from "./allocation-world.ts";
import { laggingSteps } from "./lagging-steps.ts";
import { LaggingWorld } from "./lagging-world.ts";
import { given, inStatus } from "./reference-rules.ts";

test("late, lost and repeated watch events break no rule, and in the end nobody waits in vain", () => {
  fc.assert(
    fc.property(start, laggingSteps, (first, sequence) => {
      const world = new LaggingWorld(first);
      for (const step of sequence) {
        world.take(step);
      }
      const settled = world.settle();
      for (const service of settled.services.values()) {
        assert.deepEqual(inStatus(service), given(settled.allocation, service));
      }
    }),
    { numRuns: 400 },
  );
});
