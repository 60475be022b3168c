import type { Lab } from "./lab.ts";
import { describeError } from "./logs.ts";
import { linkCut } from "./sights/cut.ts";
import { familyPolicies } from "./sights/families.ts";
import { nodeHalted } from "./sights/halt.ts";
import { localPolicy } from "./sights/local.ts";
import { routerHung, routerRestarted } from "./sights/second-router.ts";
import { requestsSpread, routerHasRoute, serviceHasAddress } from "./sights/service.ts";
import { formatSeconds, type Sight } from "./sights/sight.ts";
import { singlePath } from "./sights/single-path.ts";
import type { Variant } from "./variant.ts";

interface NumberedSight {
  readonly number: string;
  readonly sight: Sight;
}

/** What must be seen of the scenario, then what belongs to the variant. */
function sightsOf(variant: Variant): readonly NumberedSight[] {
  return [
    { number: "1", sight: serviceHasAddress },
    { number: "2", sight: routerHasRoute },
    { number: "3", sight: requestsSpread },
    { number: "4a", sight: nodeHalted },
    { number: "4b", sight: linkCut },
    { number: "5", sight: localPolicy },
    { number: "+", sight: singlePath },
    ...(variant.families.length > 1 ? [{ number: "+", sight: familyPolicies }] : []),
    ...(variant.sites.length > 1
      ? [
          { number: "+", sight: routerRestarted },
          { number: "+", sight: routerHung },
        ]
      : []),
  ];
}

/**
 * Looks at everything that must be seen, in order, and prints a line for each; resolves with
 * whether all of it was seen. A sight that fails does not keep the next from being looked at.
 */
export async function checkAll(lab: Lab, print: (text: string) => void): Promise<boolean> {
  let isAllSeen = true;
  for (const { number, sight } of sightsOf(lab.variant)) {
    const startMs = performance.now();
    const outcome = await look(lab, sight);
    const took = formatSeconds(performance.now() - startMs);
    print(`${outcome.isSeen ? "ok  " : "FAIL"} ${number.padEnd(2)} ${sight.title} [${took}]\n`);
    print(`        ${outcome.text}\n`);
    if (!outcome.isSeen) isAllSeen = false;
  }
  return isAllSeen;
}

async function look(
  lab: Lab,
  sight: Sight,
): Promise<{ readonly isSeen: boolean; readonly text: string }> {
  try {
    return { isSeen: true, text: await sight.see(lab, () => undefined) };
  } catch (error) {
    return { isSeen: false, text: describeError(error).replaceAll("\n", "\n        ") };
  }
}
