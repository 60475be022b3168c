import type { Lab } from "../../lab/lab.ts";
import { waitFor } from "../../lab/wait.ts";
import { expectedDecisions, expectedRoutes } from "./model.ts";
import { seeCluster, seeRoutes, whyNoAnswer } from "./reality.ts";
import type { SoakWorld } from "./world.ts";

/** Where the model and what is seen differ, a sentence each; none: they agree. */
export async function findDrift(lab: Lab, world: SoakWorld): Promise<readonly string[]> {
  const cluster = await seeCluster(lab, world);
  const drift = [...cluster.unsettled, ...takeAddresses(world, cluster.addresses)];
  for (const [node, addresses] of expectedDecisions(world, cluster.pods)) {
    const decided = cluster.decisions.get(node) ?? new Set();
    if (list(addresses) !== list(decided)) {
      drift.push(`${node} advertises [${list(decided)}], not [${list(addresses)}]`);
    }
  }
  const expected = expectedRoutes(world, cluster.pods);
  const seen = await seeRoutes(lab);
  for (const [address, nodes] of expected) {
    const present = seen.get(address) ?? new Set();
    if (list(nodes) !== list(present)) {
      drift.push(`${address} goes through [${list(present)}], not through [${list(nodes)}]`);
    }
  }
  for (const [address, nodes] of seen) {
    if (!expected.has(address)) {
      drift.push(`${address} goes through [${list(nodes)}], and no Service has it`);
    }
  }
  return drift.length > 0 ? drift : findUnanswered(lab, world, expected);
}

/**
 * Waits until the model and what is seen agree; resolves with the milliseconds that it took.
 *
 * @throws Error with what still differs
 */
export async function untilSettled(lab: Lab, world: SoakWorld, limitMs: number): Promise<number> {
  const startedMs = performance.now();
  let drift: readonly string[] = [];
  try {
    await waitFor(
      async () => {
        drift = await findDrift(lab, world);
        return drift.length === 0 || undefined;
      },
      { what: "all is as the model has it", timeoutMs: limitMs, intervalMs: 200 },
    );
  } catch (error) {
    throw new Error(`drift:\n  ${drift.join("\n  ")}`, { cause: error });
  }
  return performance.now() - startedMs;
}

/** Notes addresses that are new; says where one is missing, changed, or in two places. */
function takeAddresses(
  world: SoakWorld,
  seen: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const wrong: string[] = [];
  const holders = new Map<string, string>();
  for (const [name, service] of world.services) {
    const [address, ...others] = seen.get(name) ?? [];
    if (!service.isLoadBalancer) {
      if (address !== undefined) {
        wrong.push(`${name} still has ${address}`);
      }
      continue;
    }
    if (address === undefined || others.length > 0) {
      wrong.push(`${name} has ${others.length + (address === undefined ? 0 : 1)} addresses`);
      continue;
    }
    const holder = holders.get(address);
    if (holder !== undefined) {
      wrong.push(`${name} and ${holder} both have ${address}`);
    }
    holders.set(address, name);
    service.address ??= address;
    if (service.address !== address) {
      wrong.push(`${name} has ${address}, and had ${service.address}`);
    }
  }
  return wrong;
}

async function findUnanswered(
  lab: Lab,
  world: SoakWorld,
  expected: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<readonly string[]> {
  const reachable = [...world.services.values()].flatMap(({ app, address, isLoadBalancer }) =>
    isLoadBalancer && address !== undefined && (expected.get(address)?.size ?? 0) > 0
      ? [{ app, address }]
      : [],
  );
  const answers = await Promise.all(
    reachable.map(({ app, address }) => whyNoAnswer(lab, address, app)),
  );
  return answers.filter((answer) => answer !== undefined);
}

function list(names: ReadonlySet<string>): string {
  return [...names].sort().join(" ");
}
