import type { AddressFamily } from "../src/net/address.ts";
import type { Router } from "./router.ts";
import { nodeAddress, scenario, workerNodes } from "./scenario.ts";
import type { Topology } from "./topology.ts";
import { allDone } from "./wait.ts";

/** How the Service nginx is seen from outside: through one router, at one of its addresses. */
export interface View {
  /** What sets it apart from the lab's other views. */
  readonly label: string;
  readonly router: Router;
  readonly family: AddressFamily;
  /** The Service's. */
  readonly address: string;
  /** The namespace of the client behind the router. */
  readonly client: string;
  readonly clientAddress: string;
  /** The next hops of the route: the nodes that run a speaker. */
  readonly gateways: readonly string[];
}

export function viewsOf({ sites, variant }: Topology): readonly [View, ...View[]] {
  const [first, ...others] = sites.flatMap(({ site, router, client }) =>
    variant.families.map((family): View => {
      const labels = [
        ...(sites.length > 1 ? [site.name] : []),
        ...(variant.families.length > 1 ? [family === "ipv4" ? "IPv4" : "IPv6"] : []),
      ];
      return {
        label: labels.join(" "),
        router,
        family,
        address: scenario.serviceAddresses[family],
        client,
        clientAddress: site.clientAddress[family],
        gateways: workerNodes.map((node) => nodeAddress(node, family)),
      };
    }),
  );
  if (first === undefined) throw new RangeError("a lab without a router or a family");
  return [first, ...others];
}

/** The prefix that holds this address alone. */
export function hostPrefix(address: string): string {
  return `${address}/${address.includes(":") ? 128 : 32}`;
}

/** Where a client asks. */
export function urlOf(address: string): string {
  return address.includes(":") ? `http://[${address}]/` : `http://${address}/`;
}

/**
 * Looks through each view at once, and resolves with what was seen, labelled where there are
 * several.
 */
export async function eachView(
  views: readonly View[],
  look: (view: View) => Promise<string>,
): Promise<string> {
  const seen = await allDone(
    views.map(async (view) => {
      const text = await look(view);
      return view.label === "" ? text : `${view.label}: ${text}`;
    }),
  );
  return seen.join("; ");
}
