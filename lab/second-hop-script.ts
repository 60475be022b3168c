import {
  emptyRuleset,
  type Family,
  mapNames,
  masqueradeMark,
  type Ruleset,
} from "./second-hop-rules.ts";

/** The nftables table of the second hop, in both families. */
export const secondHopTable = "second-hop";

/** An `nft -f` script that replaces whatever the table held; one transaction. */
export function formatWhole(family: Family, rules: Ruleset): string {
  return `${frame(family)}${formatDifference(family, emptyRuleset(), rules)}`;
}

/** An `nft -f` script that turns `from` into `to`; one transaction, empty if they are equal. */
export function formatDifference(family: Family, from: Ruleset, to: Ruleset): string {
  const table = `${family} ${secondHopTable}`;
  const gone = [...from.chains.keys()].filter((name) => !to.chains.has(name));
  const changed = [...to.chains].filter(
    ([name, rules]) => from.chains.get(name)?.join("\n") !== rules.join("\n"),
  );
  const lines: string[] = [];
  for (const [name] of changed) {
    lines.push(`add chain ${table} ${name}`, `flush chain ${table} ${name}`);
  }
  for (const [name, rules] of changed) {
    for (const rule of rules) lines.push(`add rule ${table} ${name} ${rule}`);
  }
  for (const map of mapNames) {
    const before = from.maps[map];
    const after = to.maps[map];
    const removed = [...before].filter(([element, verdict]) => after.get(element) !== verdict);
    const added = [...after].filter(([element, verdict]) => before.get(element) !== verdict);
    if (removed.length > 0) {
      const elements = removed.map(([element]) => element).join(", ");
      lines.push(`delete element ${table} ${map} { ${elements} }`);
    }
    if (added.length > 0) {
      const elements = added.map(([element, verdict]) => `${element} : ${verdict}`).join(", ");
      lines.push(`add element ${table} ${map} { ${elements} }`);
    }
  }
  // Chains name each other: all are emptied before the first is deleted.
  for (const name of gone) lines.push(`flush chain ${table} ${name}`);
  for (const name of gone) lines.push(`delete chain ${table} ${name}`);
  return lines.map((line) => `${line}\n`).join("");
}

function frame(family: Family): string {
  const table = `${family} ${secondHopTable}`;
  const address = family === "ip" ? "ipv4_addr" : "ipv6_addr";
  const flow = `${family} daddr . meta l4proto . th dport`;
  const localPort = "fib daddr type local meta l4proto . th dport";
  const script = `
    add table ${table}
    delete table ${table}
    add table ${table}
    add map ${table} service-addresses { type ${address} . inet_proto . inet_service : verdict ; }
    add map ${table} refused-addresses { type ${address} . inet_proto . inet_service : verdict ; }
    add map ${table} node-ports { type inet_proto . inet_service : verdict ; }
    add map ${table} refused-ports { type inet_proto . inet_service : verdict ; }
    add chain ${table} refuse
    add rule ${table} refuse reject
    add chain ${table} services
    add rule ${table} services ${flow} vmap @service-addresses
    add rule ${table} services ${localPort} vmap @node-ports
    add chain ${table} refusals
    add rule ${table} refusals ${flow} vmap @refused-addresses
    add rule ${table} refusals ${localPort} vmap @refused-ports
    add chain ${table} refuse-arriving { type filter hook prerouting priority -110 ; }
    add rule ${table} refuse-arriving ct state new jump refusals
    add chain ${table} refuse-own { type filter hook output priority -110 ; }
    add rule ${table} refuse-own ct state new jump refusals
    add chain ${table} arriving { type nat hook prerouting priority -100 ; }
    add rule ${table} arriving jump services
    add chain ${table} own { type nat hook output priority -100 ; }
    add rule ${table} own jump services
    add chain ${table} leaving { type nat hook postrouting priority 100 ; }
    add rule ${table} leaving meta mark & ${masqueradeMark} == ${masqueradeMark} masquerade
  `;
  return script
    .split("\n")
    .flatMap((line) => (line.trim() === "" ? [] : [`${line.trim()}\n`]))
    .join("");
}
