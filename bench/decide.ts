import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { sliceReducer } from "../src/cluster/endpoint.ts";
import type { Decision } from "../src/speaker/decide.ts";
import { type Changed, Redecider } from "../src/speaker/redecide.ts";
import { config, node, pool, range, service, snapshot } from "../test/speaker/fixtures.ts";
import { type Column, figure, formatRows } from "./scale/report.ts";

interface Size {
  readonly services: number;
  readonly endpoints: number;
}

interface Trial extends Size {
  readonly firstMs: number;
  readonly wholeMs: number;
  readonly serviceMs: number;
  readonly endpointMs: number;
}

const sizes: readonly Size[] = [100, 1_000, 10_000].flatMap((services) =>
  [3, 100].map((endpoints) => ({ services, endpoints })),
);
const columns: readonly Column<Trial>[] = [
  { title: "Services", of: ({ services }) => String(services) },
  { title: "endpoints each", of: ({ endpoints }) => String(endpoints) },
  { title: "first ms", of: ({ firstMs }) => figure(firstMs, 2) },
  { title: "everything again ms", of: ({ wholeMs }) => figure(wholeMs, 2) },
  { title: "one Service ms", of: ({ serviceMs }) => figure(serviceMs, 3) },
  { title: "one EndpointSlice ms", of: ({ endpointMs }) => figure(endpointMs, 3) },
];
const repeats = 31;
const peers = [{ name: "router", entryName: "172.16.9.1:179" }];
const reduce = sliceReducer("node1");

/**
 * What a decision costs, without what surrounds it: of a configuration that was never looked at, of
 * everything once more, after one Service changed, and after one EndpointSlice did. Half of the
 * Services are `Local`, their endpoints on 100 nodes. In milliseconds, the median.
 */
export async function benchDecide(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { help: { type: "boolean", default: false } },
  });
  if (values.help) {
    console.log(
      "npm run bench -- decide\n\nWhat a speaker's decision costs, by Services and endpoints.",
    );
    return;
  }
  const rows = sizes.map(measure);
  console.log(formatRows(columns, rows));
  console.log(`\nMedian of ${repeats}; load ${loadavg()[0]?.toFixed(1)}.`);
}

function measure({ services: count, endpoints }: Size): Trial {
  const services = new Map(
    Array.from({ length: count }, (_, index) => {
      const ip = `10.${100 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
      const externalTrafficPolicy = index % 2 === 0 ? "Cluster" : "Local";
      const made = service(`service-${index}`, [ip], {
        externalTrafficPolicy,
        ...(externalTrafficPolicy === "Local" ? { healthCheckNodePort: 30_000 } : {}),
      });
      return [made.key, made] as const;
    }),
  );
  const slicesOf = (key: string, first: number) => [
    reduce({
      key: `${key}-a`,
      serviceKey: key,
      family: "ipv4",
      endpoints: Array.from({ length: endpoints }, (_, index) => ({
        address: `10.244.${index}.${first % 250}`,
        nodeName: `node${(first + index) % 100}`,
        ready: true,
        serving: true,
        terminating: false,
      })),
    }),
  ];
  const endpointSlices = new Map(
    [...services.keys()].map((key, index) => [key, slicesOf(key, index)]),
  );
  const pools = [pool({ ranges: [range("10.100.0.0/14")] })];
  const make = (overrides: object = {}) => ({
    ...snapshot([], {}, { config: config({ pools }), node: node() }),
    services,
    endpointSlices,
    ...overrides,
  });
  const redecider = new Redecider();
  let current = make();
  let last: Decision | undefined;
  /** As the daemon does: what was decided before tells what need not wait for kube-proxy. */
  const decide = (changed: Changed) => {
    const confirmed = new Set<string>();
    const arrivals = last && { advertised: last.advertised, routes: last.routes, confirmed };
    const given = { ...current, ...(arrivals && { arrivals }) };
    return timed(() => {
      last = redecider.decide(given, peers, changed).decision;
    });
  };
  const firstMs = median(() => {
    current = make();
    redecider.forget();
    last = undefined;
    return decide("anything");
  });
  const wholeMs = median(() => decide("anything"));
  const keys = [...services.keys()];
  let turn = 0;
  const nextKey = () => {
    turn += 1;
    return keys[(turn * 37) % keys.length] ?? "";
  };
  const serviceMs = median(() => {
    const key = nextKey();
    const before = services.get(key);
    if (before !== undefined) {
      services.set(key, { ...before, labels: { turn: String(turn) } });
    }
    return decide(new Set([key]));
  });
  const endpointMs = median(() => {
    const key = nextKey();
    endpointSlices.set(key, slicesOf(key, turn));
    return decide(new Set([key]));
  });
  return { services: count, endpoints, firstMs, wholeMs, serviceMs, endpointMs };
}

function timed(action: () => void): number {
  const startMs = performance.now();
  action();
  return performance.now() - startMs;
}

function median(trial: () => number): number {
  const found = Array.from({ length: repeats }, trial).toSorted((a, b) => a - b);
  return found[repeats >> 1] ?? Number.NaN;
}
