import { fileURLToPath } from "node:url";
import type { AddressFamily } from "../../src/net/address.ts";
import { listAt, textAt } from "../kube/json.ts";
import type { Lab } from "../lab.ts";
import { answered } from "../probe.ts";
import { nodeAddress, workerNodes } from "../scenario.ts";
import { singleFamilyPool } from "../speaker-config.ts";
import { urlOf } from "../view.ts";
import { allDone, waitFor } from "../wait.ts";
import { awaitGateways } from "./routes.ts";
import { mustSee, type Sight } from "./sight.ts";
import { formatFailures } from "./traffic.ts";

const manifest = fileURLToPath(new URL("../manifests/families.yaml", import.meta.url));
const requestsEach = 30;

/** The Services of the manifest, and the families of the addresses that they get, in order. */
const expected: Readonly<Record<string, readonly AddressFamily[]>> = {
  "single-ipv4": ["ipv4"],
  "single-ipv6": ["ipv6"],
  prefer: ["ipv4", "ipv6"],
  require: ["ipv6", "ipv4"],
  "prefer-of-one": ["ipv4"],
  "require-of-one": [],
};

/** What `ipFamilyPolicy` means, and what a change of it does; in a lab with both families. */
export const familyPolicies: Sight = {
  title: "SingleStack, PreferDualStack, RequireDualStack: addresses, routes and answers of each",
  async see(lab, show) {
    await lab.kubectl.run("create", "-f", manifest);
    const addresses: string[] = [];
    for (const [name, families] of Object.entries(expected)) {
      addresses.push(...(await awaitFamilies(lab, name, families)));
    }
    show("kubectl get svc", await lab.kubectl.run("get", "svc"));
    mustSee(new Set(addresses).size === addresses.length, `given twice: ${addresses.join(", ")}`);
    const reason = await awaitReason(lab, "require-of-one");
    await lab.secondHopFollows();
    await allDone(addresses.map((address) => seeAnswers(lab, address)));
    const grown = await seeGrowth(lab, "single-ipv4");
    const shrunk = await seeLoss(lab, "prefer");
    await lab.kubectl.run("delete", "-f", manifest);
    return (
      `${addresses.length} addresses of ${Object.keys(expected).length} Services routed and ` +
      `answered; require-of-one: ${reason}; ${grown}; ${shrunk}`
    );
  },
};

/** Resolves with the Service's addresses when they are one of each of these families, in order. */
async function awaitFamilies(
  lab: Lab,
  name: string,
  families: readonly AddressFamily[],
): Promise<readonly string[]> {
  return waitFor(
    async () => {
      const service = await lab.kubectl.json("get", "svc", name);
      const ingress = listAt(service, "status", "loadBalancer", "ingress");
      const addresses = ingress.flatMap((entry) => textAt(entry, "ip") ?? []);
      const seen = addresses.map(familyOf);
      return seen.join() === families.join() ? addresses : undefined;
    },
    { what: `${name} has ${families.join(" and ") || "no address"}`, timeoutMs: 20_000 },
  );
}

/** The Event that says why a Service has no address. */
async function awaitReason(lab: Lab, name: string): Promise<string> {
  return waitFor(
    async () => {
      const description = await lab.kubectl.run("describe", "svc", name);
      const [, reason] = /AllocationFailed .*controller\s+(.*)$/m.exec(description) ?? [];
      return reason?.includes(singleFamilyPool.name) === true ? reason : undefined;
    },
    { what: `kubectl describe svc ${name} says what its pool lacks`, timeoutMs: 20_000 },
  );
}

/** The address is routed through all nodes by every router, and answers every client. */
async function seeAnswers(lab: Lab, address: string): Promise<void> {
  const family = familyOf(address);
  const gateways = workerNodes.map((node) => nodeAddress(node, family));
  for (const { router, client } of lab.topology.sites) {
    await awaitGateways(lab, address, gateways, router);
    const probe = await lab.probe({
      url: urlOf(address),
      client,
      concurrency: 4,
      count: requestsEach,
      timeoutMs: 3_000,
    });
    const results = await probe.results();
    mustSee(
      answered(results).length === requestsEach,
      `${address} from ${client}: ${formatFailures(results)}`,
    );
  }
}

/** The second family comes when the Service may have it; the first address stays. */
async function seeGrowth(lab: Lab, name: string): Promise<string> {
  const [first] = await awaitFamilies(lab, name, ["ipv4"]);
  await setPolicy(lab, name, "PreferDualStack");
  const [kept, added = ""] = await awaitFamilies(lab, name, ["ipv4", "ipv6"]);
  mustSee(kept === first, `${name} had ${first}, and has ${kept}`);
  await lab.secondHopFollows();
  await seeAnswers(lab, added);
  return `${name} made PreferDualStack: ${added} came beside ${first}`;
}

/** The second family goes, with its routes; the first is as it was. */
async function seeLoss(lab: Lab, name: string): Promise<string> {
  const [first, second = ""] = await awaitFamilies(lab, name, ["ipv4", "ipv6"]);
  await setPolicy(lab, name, "SingleStack");
  const [kept = ""] = await awaitFamilies(lab, name, ["ipv4"]);
  mustSee(kept === first, `${name} had ${first}, and has ${kept}`);
  await allDone(
    lab.topology.sites.map(({ router }) =>
      waitFor(
        async () => {
          const routes = await router.kernelRoutes(second);
          return (Array.isArray(routes) && routes.length === 0) || undefined;
        },
        { what: `${router.namespace} has no route to ${second}`, timeoutMs: 20_000 },
      ),
    ),
  );
  await seeAnswers(lab, kept);
  return `${name} made SingleStack: ${second} was withdrawn, ${kept} stayed`;
}

async function setPolicy(lab: Lab, name: string, ipFamilyPolicy: string): Promise<void> {
  const patch = JSON.stringify({ spec: { ipFamilyPolicy } });
  await lab.kubectl.run("patch", "svc", name, "-p", patch);
}

function familyOf(address: string): AddressFamily {
  return address.includes(":") ? "ipv6" : "ipv4";
}
