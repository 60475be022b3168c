import { valueAt } from "../../config/manifest.ts";
import { convertProfile } from "./bfd-profile.ts";
import { textOf, type Values } from "./field-table.ts";
import type { Remark, Remarks } from "./loss.ts";
import { isZero, type MetallbObject, remarkOn, remarkOnField, titleOf } from "./metallb-object.ts";
import { convertPeer } from "./peer.ts";
import {
  convertAddressPool,
  convertAdvertisement,
  convertPool,
  poolNames,
  selectsPool,
} from "./pool.ts";

/** A member of a list of our configuration, and the object that it came from. */
export interface Entry {
  readonly values: Values;
  readonly object: MetallbObject;
}

export interface PoolEntry extends Entry {
  readonly advertisements: readonly Entry[];
}

/** A configuration that is not yet held against our rules. */
export interface Draft {
  readonly peers: readonly Entry[];
  readonly pools: readonly PoolEntry[];
  /** `values` is the value under the alias `name`. */
  readonly communities: readonly (Entry & { readonly name: string; readonly value: string })[];
  readonly profiles: readonly Entry[];
}

/** Objects that say what MetalLB did, not what it is to do. */
const statusKinds: ReadonlySet<string> = new Set([
  "ConfigurationState",
  "ServiceBGPStatus",
  "ServiceL2Status",
]);
const knownKinds: ReadonlySet<string> = new Set([
  "AddressPool",
  "BFDProfile",
  "BGPAdvertisement",
  "BGPPeer",
  "Community",
  "IPAddressPool",
  "L2Advertisement",
  ...statusKinds,
]);

/** Makes entries of all objects, and says what of them has no place in ours. */
export function draftOf(
  objects: readonly MetallbObject[],
  targetNamespace: string,
): Remarks & { readonly draft: Draft } {
  const losses: Remark[] = [];
  const notes: Remark[] = [];
  const once = withoutTwins(objects, losses);
  const of = (kind: string) => once.filter((object) => object.kind === kind);
  const peers = of("BGPPeer").flatMap((object) => {
    const converted = convertPeer(object, targetNamespace);
    losses.push(...converted.losses);
    notes.push(...converted.notes);
    return converted.values === undefined ? [] : [{ object, values: converted.values }];
  });
  const profiles = of("BFDProfile").map((object) => {
    const converted = convertProfile(object);
    losses.push(...converted.losses);
    return { object, values: converted.values };
  });
  const communities = distinctAliases(of("Community").flatMap(aliasesOf), losses);
  const pools = [...draftPools(of, losses), ...draftAddressPools(of("AddressPool"), losses)];
  for (const object of of("L2Advertisement")) {
    losses.push(remarkOn(object, "there is no layer 2 here: see its pools"));
  }
  for (const object of once.filter(({ kind }) => !knownKinds.has(kind))) {
    losses.push(remarkOn(object, "is of no kind of MetalLB up to 0.16 that this program knows"));
  }
  return { draft: { peers, pools, communities, profiles }, losses, notes };
}

const layer2 =
  "there is no layer 2 here: let a BGPAdvertisement select these pools, or leave them to MetalLB and " +
  "keep RouteLB from renumbering their Services by a loadBalancerClass, or by an entry with the " +
  "pool's name, addresses and protocol: layer2 in address-pools (lint calls it an error)";

function withoutTwins(
  objects: readonly MetallbObject[],
  losses: Remark[],
): readonly MetallbObject[] {
  const seen = new Map<string, MetallbObject>();
  return objects.filter((object) => {
    const key = `${titleOf(object)} ${object.namespace}`;
    const earlier = seen.get(key);
    if (earlier !== undefined) {
      const where = `${earlier.file}:${earlier.at.line}`;
      losses.push(remarkOn(object, `stands in ${where} already; that one was taken`));
    }
    seen.set(key, earlier ?? object);
    return earlier === undefined;
  });
}

function draftPools(
  of: (kind: string) => readonly MetallbObject[],
  losses: Remark[],
): readonly PoolEntry[] {
  const advertisements = of("BGPAdvertisement").map((object) => {
    const converted = convertAdvertisement(object);
    losses.push(...converted.losses);
    return { object, values: converted.values };
  });
  const pools = of("IPAddressPool");
  for (const { object } of advertisements) {
    for (const name of poolNames(object)) {
      if (!pools.some((pool) => pool.name === name)) {
        const text = `there is no IPAddressPool ${name} in these files: give its file, too`;
        losses.push(remarkOnField(object, "ipAddressPools", text));
      }
    }
  }
  return pools.flatMap((object) => {
    const { values, losses: own } = convertPool(object);
    losses.push(...own);
    const selecting = advertisements.filter((one) => selectsPool(one.object, object));
    if (selecting.length > 0) {
      return [{ object, values, advertisements: distinct(selecting) }];
    }
    const isLayer2 = of("L2Advertisement").some((one) => selectsPool(one, object));
    losses.push(remarkOn(object, isLayer2 ? layer2Pool : silentPool));
    return [];
  });
}

const layer2Pool = `only L2Advertisements select it, so it was left out: ${layer2}`;
const silentPool =
  "no BGPAdvertisement selects it, so that MetalLB announces nothing of it, and it was left out: " +
  "every pool is advertised here; give the file of its BGPAdvertisement, or write the pool by hand " +
  "with a bgp-advertisements entry whose node-selectors match no node";

/** An advertisement that is written twice says the same once. */
function distinct(entries: readonly Entry[]): readonly Entry[] {
  const byText = new Map<string, Entry>();
  for (const entry of entries) {
    const text = JSON.stringify(entry.values);
    byText.set(text, byText.get(text) ?? entry);
  }
  return [...byText.values()];
}

function draftAddressPools(
  objects: readonly MetallbObject[],
  losses: Remark[],
): readonly PoolEntry[] {
  return objects.flatMap((object) => {
    const { values, isLayer2, advertisements, losses: own } = convertAddressPool(object);
    losses.push(...own, ...advertisements.flatMap((one) => one.losses));
    if (isLayer2) {
      losses.push(remarkOnField(object, "protocol", `the pool was left out: ${layer2}`));
      return [];
    }
    const entries = advertisements.map((one) => ({ object, values: one.values }));
    const unlessAny = entries.length === 0 ? [{ object, values: {} }] : entries;
    return [{ object, values, advertisements: distinct(unlessAny) }];
  });
}

function aliasesOf(object: MetallbObject): Draft["communities"] {
  const list = valueAt(object.spec, "communities");
  const members = list?.type === "sequence" ? list.members : [];
  return members.flatMap((member) => {
    if (member.type !== "mapping" || isZero(member)) {
      return [];
    }
    const at = (key: string): string => textOf(valueAt(member, key) ?? member);
    return [{ object, values: {}, name: at("name"), value: at("value") }];
  });
}

/** One alias has one value. */
function distinctAliases(
  aliases: Draft["communities"],
  losses: Remark[],
): readonly Draft["communities"][number][] {
  const byName = new Map<string, Draft["communities"][number]>();
  for (const alias of aliases) {
    const earlier = byName.get(alias.name);
    if (earlier !== undefined && earlier.value !== alias.value) {
      const text = `${alias.name} is ${earlier.value} in ${titleOf(earlier.object)}, which was taken`;
      losses.push(remarkOnField(alias.object, "communities", text));
    }
    byName.set(alias.name, earlier ?? alias);
  }
  return [...byName.values()];
}
