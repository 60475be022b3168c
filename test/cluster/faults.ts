import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { namespacesUnder, runIn } from "../../lab/namespaces.ts";
import { scenario, workerNodes } from "../../lab/scenario.ts";
import { formatSeconds } from "../../lab/sights/sight.ts";
import { pause, waitFor } from "../../lab/wait.ts";
import type { Cluster } from "./cluster.ts";
import { makeReachableService } from "./services.ts";

const apiServerAddress = scenario.nodes[0]?.address ?? "";

/** Every process of ours that follows the API server, and how to read its metrics. */
export interface Follower {
  readonly name: string;
  readonly metrics: () => Promise<string>;
}

export async function followers({ lab }: Cluster): Promise<readonly Follower[]> {
  const follower = (name: string, namespace: string, address: string): Follower => ({
    name,
    metrics: () => runIn(namespace, "curl", ["-sS", "-m", "5", `http://${address}:7472/metrics`]),
  });
  const speakers = workerNodes.map(({ name, address }) =>
    follower(`speaker on ${name}`, lab.topology.node(name), address),
  );
  const controllers = await Promise.all(
    scenario.nodes.map(({ name }) => namespacesUnder(`${lab.topology.node(name)}-controller-`)),
  );
  return [
    ...speakers,
    ...controllers.flat().map((namespace) => follower(namespace, namespace, "127.0.0.1")),
  ];
}

/** The sum of a metric over all its series whose labels hold `labels`. */
export function sumOfMetric(text: string, name: string, labels = ""): number {
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

/** Failures to follow the API server for `reason` so far, by follower. */
export async function failures(
  those: readonly Follower[],
  reason: string,
): Promise<ReadonlyMap<string, number>> {
  const counts = await Promise.all(
    those.map(async ({ name, metrics }) => {
      const count = sumOfMetric(
        await metrics(),
        "routelb_k8s_client_failures_total",
        `reason="${reason}"`,
      );
      return [name, count] as const;
    }),
  );
  return new Map(counts);
}

/** After a long outage kube-proxy comes back first, then we: each waits up to 30 s between two tries. */
const catchUpMs = 120_000;

/** Waits until nobody's store is behind a failure: each reflector follows the server. */
export async function allFollow(those: readonly Follower[]): Promise<void> {
  for (const { name, metrics } of those) {
    await waitFor(
      async () => {
        const following = (await metrics())
          .split("\n")
          .filter((line) => line.startsWith("routelb_k8s_client_following{"));
        return (
          (following.length > 0 && following.every((line) => line.endsWith(" 1"))) || undefined
        );
      },
      { what: `${name} follows the API server`, timeoutMs: catchUpMs, intervalMs: 250 },
    );
  }
}

/**
 * Runs `fault` and waits until all follow again; asserts that the router's kernel saw no change of
 * a route to any address of a Service meanwhile, and that a Service created afterwards reaches it,
 * which the same log must tell: that of a monitor that died holds no change either.
 */
export async function noRouteChangesDuring(
  cluster: Cluster,
  name: string,
  fault: () => Promise<string>,
): Promise<string> {
  const { router } = cluster.lab.topology;
  const before = (await readFile(router.routeLogFile, "utf8")).length;
  const changes = async () =>
    bgpRouteChanges((await readFile(router.routeLogFile, "utf8")).slice(before));
  const startMs = performance.now();
  const seen = await fault();
  await allFollow(await followers(cluster));
  // What a late reaction would change shows a moment later.
  await pause(1_000);
  assert.deepEqual(await changes(), [], "routes changed during the fault");
  const took = formatSeconds(performance.now() - startMs);
  const { address, tookMs } = await makeReachableService(cluster, name);
  const told = (await changes()).filter((line) => line.includes(` ${address} `));
  assert.notEqual(told.length, 0, "the log does not tell of the Service");
  return `${seen}; ${took}, no route event; then ${name}: ${address} in the kernel after ${formatSeconds(tookMs)}`;
}

/** Lines of `ip monitor route` about BGP's routes. */
function bgpRouteChanges(log: string): readonly string[] {
  return log.split("\n").filter((line) => line.includes("proto bgp"));
}

/**
 * Ends every connection to the API server that does not come from node0's own address, and lets
 * nothing through until the answer is called. With "reset" the clients learn of it; with "silence"
 * they hold connections that the server has forgotten.
 */
export async function cutFromApiServer(
  { lab }: Cluster,
  how: "reset" | "silence",
): Promise<() => Promise<void>> {
  const node0 = lab.topology.node("node0");
  const verdict = how === "reset" ? "reject with tcp reset" : "drop";
  const nft = async (...lines: readonly string[]): Promise<void> => {
    await runIn(node0, "nft", ["-f", "-"], { input: `${lines.join("\n")}\n` });
  };
  await nft(
    "table inet cut {",
    "  chain input {",
    "    type filter hook input priority -300; policy accept;",
    `    iifname != "lo" tcp dport 6443 ${verdict}`,
    "  }",
    "  chain output {",
    "    type filter hook output priority -300; policy accept;",
    how === "silence" ? '    oifname != "lo" tcp sport 6443 drop' : "",
    "  }",
    "}",
  );
  // What the API server asks of itself, by loopback, goes on: without it, it refuses to create.
  const itself = [apiServerAddress, "127.0.0.1", "[::1]"].flatMap((own) => [
    "and",
    "not",
    "dst",
    own,
  ]);
  await runIn(node0, "ss", ["-K", "sport", "=", ":6443", ...itself]);
  return () => nft("delete table inet cut");
}
