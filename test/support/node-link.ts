import { Instance } from "../../lab/instance.ts";
import { configure, connect, createNamespaces, runIn } from "../../lab/namespaces.ts";
import { waitFor } from "../../lab/wait.ts";
import { BgpSpeaker, type WrittenPeer } from "./bgp-speaker.ts";

export interface LinkNode {
  readonly name: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** The scenario's workers. */
export const linkNodes: readonly LinkNode[] = [1, 2, 3].map((number) => ({
  name: `node${number}`,
  ipv4: `172.16.7.1${number}`,
  ipv6: `fd00:7::1${number}`,
}));

/** A router's namespace with the scenario's addresses, and one that has those of all three nodes. */
export async function nodeLink(id: string) {
  const instance = await Instance.open(id);
  const speakers = instance.namespace("speakers");
  const router = instance.namespace("router");
  await createNamespaces([speakers, router]);
  await connect([
    { from: { namespace: speakers, device: "eth0" }, to: { namespace: router, device: "eth7" } },
  ]);
  await configure(router, [
    "addr add 172.16.7.1/24 dev eth7",
    "addr add fd00:7::1/64 dev eth7",
    "addr add 172.16.9.1/24 dev lo",
    "link set eth7 up",
  ]);
  await configure(speakers, [
    ...linkNodes.flatMap(({ ipv4, ipv6 }) => [
      `addr add ${ipv4}/24 dev eth0`,
      `addr add ${ipv6}/64 dev eth0`,
    ]),
    "link set eth0 up",
    "route add 172.16.9.0/24 via 172.16.7.1",
  ]);
  return { instance, speakers, router };
}

/** A speaker for each node, with the peer's values, that advertises the prefixes. */
export async function startNodeSpeakers(
  { instance, speakers }: { readonly instance: Instance; readonly speakers: string },
  peer: Omit<WrittenPeer, "sourceAddress">,
  prefixes: readonly string[],
): Promise<BgpSpeaker[]> {
  return Promise.all(
    linkNodes.map(async ({ ipv4, ipv6 }) => {
      const speaker = await BgpSpeaker.start(instance, speakers, ipv4);
      const sourceAddress = peer.peerAddress.includes(":") ? ipv6 : ipv4;
      const nodeAddresses = [ipv4, ipv6];
      await speaker.request({ type: "start", peer: { ...peer, sourceAddress }, nodeAddresses });
      await speaker.request({ type: "routes", routes: prefixes.map((prefix) => ({ prefix })) });
      return speaker;
    }),
  );
}

/** Waits until the router's kernel has one route with all three nodes as next hops. */
export async function waitForNextHops(router: string, prefix: string): Promise<void> {
  const family = prefix.includes(":") ? "ipv6" : "ipv4";
  await waitFor(
    async () => {
      const route = await kernelRoute(router, prefix);
      return linkNodes.every((node) => route.includes(`via ${node[family]} `)) || undefined;
    },
    { what: `${prefix} has three next hops in the router's kernel`, timeoutMs: 60_000 },
  );
}

/** Empty: there is none. */
export function kernelRoute(router: string, prefix: string): Promise<string> {
  const version = prefix.includes(":") ? "-6" : "-4";
  return runIn(router, "ip", [version, "route", "show", prefix]);
}
