import type { ConfigFinding } from "../../config/model.ts";
import { parseConfig } from "../../config/parse.ts";
import { formatYaml } from "../../config/yaml-text.ts";
import type { Draft, Entry, PoolEntry } from "./draft.ts";
import type { Remark } from "./loss.ts";
import { remarkOn, remarkOnField } from "./metallb-object.ts";

/** A configuration that passes `lint`, and what of the draft had to go for that. */
export interface Settled {
  readonly text: string;
  readonly losses: readonly Remark[];
}

/**
 * Leaves out what our rules refuse, and what then refers to something that is not there, until
 * nothing is refused.
 */
export function settle(draft: Draft): Settled {
  const losses: Remark[] = [];
  let current = draft;
  for (;;) {
    current = dropDangling(current, losses);
    const text = render(current);
    const errors = parseConfig(text, { layer2: "error" }).findings.filter(
      ({ severity }) => severity === "error",
    );
    if (errors.length === 0) {
      return { text, losses };
    }
    const refused = new Map(errors.map((error) => [entryAt(current, error), error]));
    for (const [entry, { path, message }] of refused) {
      if (entry === undefined) {
        throw new Error(`convert made a configuration that lint refuses: ${path}: ${message}`);
      }
      losses.push(remarkOn(entry.object, `was left out: ${path}: ${message}`));
    }
    current = without(current, new Set(refused.keys()));
  }
}

/** The entry that an error is about: the innermost that came of an object. */
function entryAt(draft: Draft, { path }: ConfigFinding): Entry | undefined {
  const [, list, first, second] =
    /^(peers|bfd-profiles|address-pools)\[(\d+)\](?:\.bgp-advertisements\[(\d+)\])?/.exec(path) ??
    [];
  if (list === "peers") {
    return draft.peers[Number(first)];
  }
  if (list === "bfd-profiles") {
    return draft.profiles[Number(first)];
  }
  if (list === "address-pools") {
    const pool = draft.pools[Number(first)];
    return second === undefined ? pool : pool?.advertisements[Number(second)];
  }
  return draft.communities.find(({ name }) => path.includes(name));
}

function without(draft: Draft, refused: ReadonlySet<Entry | undefined>): Draft {
  const stays = (entry: Entry): boolean => !refused.has(entry);
  return {
    peers: draft.peers.filter(stays),
    profiles: draft.profiles.filter(stays),
    communities: draft.communities.filter(stays),
    pools: draft.pools
      .filter(stays)
      .map((pool) => ({ ...pool, advertisements: pool.advertisements.filter(stays) })),
  };
}

/**
 * Takes names of peers that are not there out of advertisements. One that had no others would go to
 * all peers without them, and a pool without advertisements would have the default one: both go.
 */
function dropDangling(draft: Draft, losses: Remark[]): Draft {
  const names = new Set(draft.peers.map(({ values }) => String(values["name"])));
  const pools = draft.pools.flatMap((pool): readonly PoolEntry[] => {
    const advertisements = pool.advertisements.flatMap((one) => knownPeers(one, names, losses));
    if (advertisements.length > 0) {
      return [{ ...pool, advertisements }];
    }
    losses.push(remarkOn(pool.object, "was left out with the last of its advertisements"));
    return [];
  });
  return { ...draft, pools };
}

function knownPeers(entry: Entry, names: ReadonlySet<string>, losses: Remark[]): readonly Entry[] {
  const { peers } = entry.values;
  if (!Array.isArray(peers)) {
    return [entry];
  }
  const known = peers.filter((name) => names.has(String(name)));
  if (known.length === peers.length) {
    return [entry];
  }
  const missing = peers.filter((name) => !names.has(String(name))).join(", ");
  const end = known.length === 0 ? ", and the advertisement with it" : "";
  losses.push(
    remarkOnField(entry.object, "peers", `${missing} is not among the peers: left out${end}`),
  );
  return known.length === 0 ? [] : [{ ...entry, values: { ...entry.values, peers: known } }];
}

function render({ peers, pools, communities, profiles }: Draft): string {
  const members = (entries: readonly Entry[]) => entries.map(({ values }) => values);
  return formatYaml({
    ...(peers.length > 0 && { peers: members(peers) }),
    ...(pools.length > 0 && {
      "address-pools": pools.map(({ values, advertisements }) => ({
        ...values,
        ...(!isDefaultAlone(advertisements) && { "bgp-advertisements": members(advertisements) }),
      })),
    }),
    ...(communities.length > 0 && {
      "bgp-communities": Object.fromEntries(communities.map(({ name, value }) => [name, value])),
    }),
    ...(profiles.length > 0 && { "bfd-profiles": members(profiles) }),
  });
}

/** What a pool that says nothing of advertisements has. */
function isDefaultAlone([first, ...others]: readonly Entry[]): boolean {
  return first !== undefined && others.length === 0 && Object.keys(first.values).length === 0;
}
