import { runIn } from "../../lab/namespaces.ts";

/** Packets of one IP version that came in: with DSCP CS6, and with another. */
export interface DscpCounts {
  readonly cs6: number;
  readonly other: number;
}

/**
 * From now on the kernel of `namespace` counts, by their DSCP, the packets that arrive and match
 * `what` (`udp dport 3784`); the answer asks for the counts so far.
 */
export async function countDscp(
  namespace: string,
  what: string,
): Promise<() => Promise<Readonly<Record<"ip" | "ip6", DscpCounts>>>> {
  const versions = ["ip", "ip6"] as const;
  const rules = versions.map(
    (version) => `
    ${what} ${version} dscp cs6 counter name ${version}_cs6
    ${what} ${version} dscp != cs6 counter name ${version}_other`,
  );
  const counters = versions.flatMap((version) => [
    `counter ${version}_cs6 {}`,
    `counter ${version}_other {}`,
  ]);
  const input = `table inet dscp {
  ${counters.join("\n  ")}
  chain input {
    type filter hook input priority filter; policy accept;${rules.join("")}
  }
}
`;
  await runIn(namespace, "nft", ["-f", "-"], { input });
  return async () => {
    const text = await runIn(namespace, "nft", ["list", "counters", "table", "inet", "dscp"]);
    const packets = (name: string) =>
      Number(new RegExp(`counter ${name} {\\s+packets (\\d+)`).exec(text)?.[1] ?? Number.NaN);
    const counts = (version: string) => ({
      cs6: packets(`${version}_cs6`),
      other: packets(`${version}_other`),
    });
    return { ip: counts("ip"), ip6: counts("ip6") };
  };
}
