import { mkdir } from "node:fs/promises";
import { Instance } from "../../../lab/instance.ts";
import { configure, connect, createNamespaces, runIn } from "../../../lab/namespaces.ts";
import { waitFor } from "../../../lab/wait.ts";
import { BgpSpeaker, type WrittenPeer } from "../bgp-speaker.ts";
import { addressOf, link, type RouterPlace, type RouterSettings } from "./router.ts";

/** A namespace for the router under test and one for the speaker, with the cables of `link`. */
export class RouterLink implements AsyncDisposable {
  readonly instance: Instance;
  readonly speakerNamespace: string;
  readonly place: RouterPlace;

  private constructor(instance: Instance) {
    this.instance = instance;
    this.speakerNamespace = instance.namespace("speaker");
    this.place = {
      namespace: instance.namespace("router"),
      directory: instance.path("router"),
    };
  }

  static async open(id: string): Promise<RouterLink> {
    const self = new RouterLink(await Instance.open(id));
    const { namespace: router, directory } = self.place;
    const speaker = self.speakerNamespace;
    await mkdir(directory, { mode: 0o755 });
    await createNamespaces([speaker, router]);
    await connect(
      ["eth0", "eth1"].map((device) => ({
        from: { namespace: speaker, device },
        to: { namespace: router, device },
      })),
    );
    await configure(router, portLines("router"));
    await configure(speaker, portLines("speaker"));
    await Promise.all([router, speaker].map(waitUntilUp));
    return self;
  }

  /** A speaker process whose session is started with the peer that `settings` describe. */
  async speaker(
    settings: RouterSettings,
    changes: Partial<WrittenPeer> = {},
    uptimeSeconds = 1e6,
  ): Promise<BgpSpeaker> {
    const { speaker } = link[settings.transport];
    const started = await BgpSpeaker.start(this.instance, this.speakerNamespace);
    const nodeAddresses =
      settings.transport === "ipv6-only" ? [speaker] : [link.ipv4.speaker, link.ipv6.speaker];
    const peer: WrittenPeer = {
      localAsn: settings.speakerAsn,
      peerAsn: settings.asn,
      peerAddress: addressOf("router", settings),
      ...(settings.password !== undefined && { password: settings.password }),
      ...(settings.ttlSecurity && { ttlSecurityHops: 1 }),
      ...changes,
    };
    await started.request({ type: "start", peer, nodeAddresses, uptimeSeconds });
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.instance[Symbol.asyncDispose]();
  }
}

/** Until the kernel has seen the carrier, which it looks for once a second, IPv6 addresses wait. */
async function waitUntilUp(namespace: string): Promise<void> {
  await waitFor(
    async () => {
      const text = await runIn(namespace, "ip", ["-o", "addr", "show", "tentative"]);
      return text === "" ? true : undefined;
    },
    { what: `the links of ${namespace} are up`, timeoutMs: 10_000 },
  );
}

function portLines(side: "router" | "speaker"): string[] {
  return [
    // The kernel would choose a link-local address of its own before ours.
    "link set eth0 addrgenmode none",
    `addr add ${link.ipv4[side]}/24 dev eth0`,
    `addr add ${link.ipv6[side]}/64 dev eth0`,
    `addr add ${link["link-local"][side]}/64 dev eth0`,
    "link set eth0 up",
    `addr add ${link["ipv6-only"][side]}/64 dev eth1`,
    "link set eth1 up",
  ];
}
