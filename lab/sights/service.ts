import { run } from "../command.ts";
import { inNamespace } from "../namespaces.ts";
import { answered, countBy } from "../probe.ts";
import { scenario, workerNodes } from "../scenario.ts";
import { manifestFile } from "../service-manifest.ts";
import { speakerAsn, type Variant } from "../variant.ts";
import { eachView, hostPrefix, urlOf } from "../view.ts";
import { waitFor } from "../wait.ts";
import { awaitGateways, bgpPaths, kernelGateways } from "./routes.ts";
import { formatCounts, formatSeconds, mustSee, type Sight } from "./sight.ts";
import { formatFailures, ingressNode } from "./traffic.ts";

/** Sight 1: the Service has an address. */
export const serviceHasAddress: Sight = {
  title: "kubectl get svc: the Service has the pool's first address",
  async see(lab, show) {
    const manifest = await manifestFile(lab, "nginx");
    show(
      "kubectl create -f lab/manifests/nginx.yaml",
      await lab.kubectl.run("create", "-f", manifest),
    );
    const { families } = lab.variant;
    const clusterIp =
      families[0] === "ipv6" ? "fd00:10:96::[0-9a-f:]+" : String.raw`10\.96\.\d+\.\d+`;
    const addresses = families.map((family) => scenario.serviceAddresses[family]).join(",");
    const line = new RegExp(
      String.raw`^nginx\s+LoadBalancer\s+${clusterIp}\s+${addresses}\s+80:3\d{4}/TCP\s`,
      "m",
    );
    const table = await waitFor(
      async () => {
        const output = await lab.kubectl.run("get", "svc", "nginx");
        return line.test(output) ? output : undefined;
      },
      { what: `kubectl get svc shows ${addresses}`, timeoutMs: 15_000 },
    );
    show("kubectl get svc nginx", table);
    const description = await waitFor(
      async () => {
        const output = await lab.kubectl.run("describe", "svc", "nginx");
        return output.includes("IPAllocated") ? output : undefined;
      },
      { what: "kubectl describe svc shows the Event IPAllocated", timeoutMs: 10_000 },
    );
    show("kubectl describe svc nginx", description);
    return (table.split("\n")[1] ?? "").trim().replace(/\s+/g, " ");
  },
};

/** Sight 2: three paths on the router, one route in its kernel. */
export const routerHasRoute: Sight = {
  title: "the router has the route three times; its kernel once, with three next hops",
  async see(lab, show) {
    return eachView(lab.views, async ({ router, address, family, gateways }) => {
      await awaitGateways(lab, address, gateways, router);
      const table = family === "ipv4" ? "show ip bgp" : "show bgp ipv6 unicast";
      show(table, await router.vtysh(table));
      const [enter = "", ...rest] = inNamespace(router.namespace);
      show(
        `ip -n ${router.namespace} route show ${address}`,
        await run(enter, [...rest, "ip", "route", "show", address]),
      );
      const paths = await bgpPaths(lab, hostPrefix(address), router);
      const summary = paths.map(
        ({ nextHop, asPath, localPref, isUsed }) =>
          `${nextHop} path ${asPath}${localPref === undefined ? "" : ` localpref ${localPref}`}${isUsed ? "" : " (not used)"}`,
      );
      const expected = gateways.map((gateway) => `${gateway} ${expectedPath(lab.variant)}`);
      mustSee(
        summary.toSorted((a, b) => a.localeCompare(b)).join("; ") === expected.join("; "),
        `BGP paths: ${summary.join("; ")}`,
      );
      const hops = await kernelGateways(lab, address, router);
      mustSee(hops?.length === 3, `kernel next hops: ${hops?.join(", ") ?? "not one route"}`);
      return `BGP: ${summary.join(", ")}; kernel: one route via ${hops.join(", ")}`;
    });
  },
};

/** Our AS alone from an external peer; none from an internal one, which is told the preference. */
function expectedPath(variant: Variant): string {
  return variant.sessions === "internal"
    ? "path Local localpref 100"
    : `path ${speakerAsn(variant)}`;
}

/** Sight 3: requests spread over nodes and Pods, and none fails. */
export const requestsSpread: Sight = {
  title: "1,000 requests, each a new connection, spread over nodes and Pods; none fails",
  async see(lab, show) {
    await lab.secondHopFollows();
    return eachView(lab.views, async ({ address, client }) => {
      const url = urlOf(address);
      const [enter = "", ...rest] = inNamespace(client);
      show(`curl ${url}`, await run(enter, [...rest, "curl", "-sSg", "-m", "5", url]));
      const startMs = Date.now();
      const probe = await lab.probe({
        url,
        client,
        concurrency: 8,
        count: 1_000,
        timeoutMs: 3_000,
      });
      const results = await probe.results();
      const took = formatSeconds(Date.now() - startMs);
      const byPod = countBy(answered(results), (result) => result.pod);
      const byNode = countBy(answered(results), ingressNode);
      const seen = `nodes ${formatCounts(byNode)}; Pods ${formatCounts(byPod)}`;
      mustSee(results.length === 1_000, `${results.length} results`);
      mustSee(answered(results).length === 1_000, `${formatFailures(results)}; ${seen}`);
      mustSee(byPod.size === 3, seen);
      // A fair hash gives each node 333 +- 15: a quarter is more than five times that away.
      mustSee(
        workerNodes.every((node) => (byNode.get(node.name) ?? 0) >= 250),
        `uneven: ${seen}`,
      );
      show("1,000 requests", `${took}; ${seen}`);
      return `1,000 of 1,000 answered in ${took}; ${seen}`;
    });
  },
};
