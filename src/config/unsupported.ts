import type { Config, PoolConfig } from "./model.ts";

/** A part of a valid configuration that this version does not act on. */
export interface NotActedOn {
  readonly section: "address-pools";
  /** The name of the pool. */
  readonly name: string;
  readonly key: string;
  /** What happens instead, as a sentence. */
  readonly text: string;
}

interface Rule<Entry> {
  readonly key: string;
  readonly isUsed: (entry: Entry) => boolean;
  readonly text: string;
}

const poolRules: readonly Rule<PoolConfig>[] = [
  {
    key: "weights",
    isUsed: (pool) => pool.weights,
    text: "Weights are not sent yet: every node gets an equal share.",
  },
];

/**
 * What of a configuration parses but has no effect yet; whoever acts on the configuration says it
 * once, at start and when it changes. A feature that is built loses its row above.
 */
export function notYetActedOn(config: Config): NotActedOn[] {
  return config.pools.flatMap((pool) => unusedKeys("address-pools", pool, poolRules));
}

function unusedKeys<Entry extends { readonly name: string }>(
  section: NotActedOn["section"],
  entry: Entry,
  rules: readonly Rule<Entry>[],
): NotActedOn[] {
  return rules
    .filter((rule) => rule.isUsed(entry))
    .map(({ key, text }) => ({ section, name: entry.name, key, text }));
}
