import type { Instance } from "./instance.ts";
import { configure } from "./namespaces.ts";
import { bridge, buildNetwork, configureRouterLinks, takeRouterLinksDown } from "./network.ts";
import { Router, type RouterOptions } from "./router.ts";
import { formatBfdConfig, formatRouterConfig } from "./router-config.ts";
import type { Site } from "./scenario.ts";
import { plainVariant, type Variant } from "./variant.ts";

/** What differs from the scenario's own router. */
export type RouterSettings = Partial<Pick<RouterOptions, "config" | "bfd" | "bfdConfig">>;

/** A router that runs, with the namespace of the client behind it. */
export interface RunningSite {
  readonly site: Site;
  readonly router: Router;
  readonly client: string;
}

/**
 * The scenario's network: client, router, the bridge "k8s-net" in a namespace of its own, and four
 * nodes, cabled and with a running router; with two routers, a client behind each.
 */
export class Topology implements AsyncDisposable {
  readonly sites: readonly [RunningSite, ...RunningSite[]];
  readonly variant: Variant;
  readonly #instance: Instance;
  readonly #switch: string;

  private constructor(
    instance: Instance,
    variant: Variant,
    sites: readonly [RunningSite, ...RunningSite[]],
  ) {
    this.#instance = instance;
    this.variant = variant;
    this.sites = sites;
    this.#switch = instance.namespace("switch");
  }

  static async build(
    instance: Instance,
    variant: Variant = plainVariant,
    settings: RouterSettings = {},
  ): Promise<Topology> {
    await buildNetwork(instance, variant);
    const [first, ...others] = await Promise.all(
      variant.sites.map((site) => startSite(instance, variant, site, settings)),
    );
    if (first === undefined) throw new RangeError("a topology without a router");
    return new Topology(instance, variant, [first, ...others]);
  }

  /** The scenario's own router: of two, the first. */
  get router(): Router {
    return this.sites[0].router;
  }

  /** The namespace of the client behind `router`. */
  get client(): string {
    return this.sites[0].client;
  }

  /** The namespace of a node. */
  node(name: string): string {
    return this.#instance.namespace(name);
  }

  /** Takes the node's link down, or up again: both ends see it. */
  async setLink(node: string, state: "up" | "down"): Promise<void> {
    await configure(this.#switch, [`link set ${node} ${state}`]);
  }

  /** Cuts the node off, or joins it again, without either end seeing a link change. */
  async setSwitched(node: string, isSwitched: boolean): Promise<void> {
    const master = isSwitched ? `master ${bridge}` : "nomaster";
    await configure(this.#switch, [`link set ${node} ${master}`]);
  }

  /**
   * A router loses its power: its links are down, its processes are gone without a word, and its
   * kernel has no routes any more.
   */
  async powerOff({ router }: RunningSite): Promise<void> {
    await takeRouterLinksDown(router.namespace);
    await router.kill();
  }

  /** Resolves when the router's daemons answer. */
  async powerOn({ router, site }: RunningSite): Promise<void> {
    await configureRouterLinks(router.namespace, site, this.variant);
    await router.restart();
  }

  async close(): Promise<void> {
    await Promise.all(this.sites.map(({ router }) => router.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function startSite(
  instance: Instance,
  variant: Variant,
  site: Site,
  settings: RouterSettings,
): Promise<RunningSite> {
  const router = await Router.start({
    namespace: instance.namespace(site.name),
    directory: instance.path(site.name),
    config: formatRouterConfig(variant, site),
    ...(variant.bfd && { bfdConfig: formatBfdConfig(variant.bfd) }),
    ...settings,
  });
  return { site, router, client: instance.namespace(site.client) };
}
