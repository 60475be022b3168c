import { Instance } from "../../lab/instance.ts";
import { configure, connect, createNamespaces } from "../../lab/namespaces.ts";
import { Router } from "../../lab/router.ts";
import { BgpSpeaker, type WrittenPeer } from "./bgp-speaker.ts";

/** The speaker's side of the link. */
export const nodeAddresses = ["172.16.7.11", "fd00:7::11"] as const;
export const peer: WrittenPeer = { localAsn: 64522, peerAsn: 64512, peerAddress: "172.16.7.1" };

export interface FrrLinkOptions {
  /** AS of the speaker, as the router knows it; 64522 unless said. */
  readonly speakerAsn?: number;
  /** More lines under `router bgp 64512`. */
  readonly lines?: readonly string[];
  /** Also run bfdd. */
  readonly bfd?: boolean;
}

/**
 * A namespace for speakers and one with FRR (AS 64512, 172.16.7.1 and fd00:7::1), on one link. The
 * router has 172.16.7.11 as its neighbour, with Hold Time 9.
 */
export class FrrLink implements AsyncDisposable {
  readonly instance: Instance;
  readonly frr: Router;
  readonly namespace: string;
  /** The namespace of FRR. */
  readonly router: string;
  readonly #speakers: BgpSpeaker[] = [];

  private constructor(instance: Instance, frr: Router, namespace: string, router: string) {
    this.instance = instance;
    this.frr = frr;
    this.namespace = namespace;
    this.router = router;
  }

  static async start(id: string, options: FrrLinkOptions = {}): Promise<FrrLink> {
    const instance = await Instance.open(id);
    const namespace = instance.namespace("speaker");
    const router = instance.namespace("router");
    await createNamespaces([namespace, router]);
    await connect([
      { from: { namespace, device: "eth0" }, to: { namespace: router, device: "eth0" } },
    ]);
    await configure(router, [
      "addr add 172.16.7.1/24 dev eth0",
      "addr add fd00:7::1/64 dev eth0",
      "addr add fe80::7:1/64 dev eth0",
      "link set eth0 up",
    ]);
    await configure(namespace, [
      "addr add 172.16.7.11/24 dev eth0",
      "addr add fd00:7::11/64 dev eth0",
      "addr add fe80::7:11/64 dev eth0",
      "link set eth0 up",
    ]);
    const frr = await Router.start({
      namespace: router,
      directory: instance.path("frr"),
      ...(options.bfd !== undefined && { bfd: options.bfd }),
      config: [
        "router bgp 64512",
        " bgp router-id 172.16.9.1",
        " bgp log-neighbor-changes",
        " no bgp ebgp-requires-policy",
        ` neighbor 172.16.7.11 remote-as ${options.speakerAsn ?? 64522}`,
        " neighbor 172.16.7.11 timers 3 9",
        " neighbor 172.16.7.11 timers connect 1",
        " neighbor 172.16.7.11 passive",
        ...(options.lines ?? []).map((line) => ` ${line}`),
        " address-family ipv6 unicast",
        "  neighbor 172.16.7.11 activate",
        " exit-address-family",
      ].join("\n"),
    });
    return new FrrLink(instance, frr, namespace, router);
  }

  /** A speaker whose session is started. */
  async speaker(
    changes: Partial<WrittenPeer> = {},
    others: { readonly uptimeSeconds?: number; readonly listenPort?: number } = {},
  ): Promise<BgpSpeaker> {
    const speaker = await BgpSpeaker.start(this.instance, this.namespace);
    this.#speakers.push(speaker);
    await speaker.request({
      type: "start",
      peer: { ...peer, ...changes },
      nodeAddresses,
      ...others,
    });
    return speaker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const speaker of this.#speakers) {
      await speaker[Symbol.asyncDispose]();
    }
    await this.frr.close();
    await this.instance[Symbol.asyncDispose]();
  }
}
