import type { SessionPeer } from "../bgp/session/session.ts";
import type { Node } from "../cluster/node.ts";
import { someSelectorMatches } from "../cluster/selector.ts";
import type { Config, PeerConfig } from "../config/model.ts";
import type { Address } from "../net/address.ts";

/** A session that must exist on this node. */
export interface PlannedSession {
  /** Of the entry in `peers` that it comes from. */
  readonly entryName: string;
  /** `peer.name` is unique: the entry's name, with `@address` behind it for a default gateway. */
  readonly peer: SessionPeer;
}

export type NotDialledReason =
  | "node-not-selected"
  | "no-default-gateway"
  | "password-not-supported"
  | "ttl-security-not-supported";

/** An entry of `peers` without a session, and why. */
export interface NotDialled {
  readonly entryName: string;
  readonly reason: NotDialledReason;
  /** One sentence for humans. */
  readonly text: string;
}

export interface SessionPlan {
  readonly sessions: readonly PlannedSession[];
  readonly notDialled: readonly NotDialled[];
}

/**
 * The sessions that `config` asks of this node.
 *
 * `defaultGateways` are those of this host's routing table; only entries whose peer-address is
 * `default-gateway` look at them, and each gives one session per gateway.
 */
export function planSessions(
  config: Config,
  node: Node,
  defaultGateways: readonly Address[],
): SessionPlan {
  const sessions: PlannedSession[] = [];
  const notDialled: NotDialled[] = [];
  for (const entry of config.peers) {
    const reason = whyNotDialled(entry, node, defaultGateways);
    if (reason === undefined) {
      sessions.push(...sessionsOf(entry, defaultGateways));
    } else {
      notDialled.push(reason);
    }
  }
  return { sessions, notDialled };
}

/** Whether any entry needs to know the host's default gateways. */
export function needsDefaultGateways(config: Config): boolean {
  return config.peers.some(({ peerAddress }) => peerAddress === "default-gateway");
}

function whyNotDialled(
  entry: PeerConfig,
  node: Node,
  defaultGateways: readonly Address[],
): NotDialled | undefined {
  const because = (reason: NotDialledReason, text: string): NotDialled => ({
    entryName: entry.name,
    reason,
    text,
  });
  if (!someSelectorMatches(entry.nodeSelectors, node.labels)) {
    return because("node-not-selected", "The entry's node-selectors leave this node out.");
  }
  if (entry.password !== undefined) {
    return because(
      "password-not-supported",
      "TCP MD5 passwords are not supported yet; the peer is never dialled without its password.",
    );
  }
  if (entry.ttlSecurityHops !== undefined) {
    return because(
      "ttl-security-not-supported",
      "ttl-security is not supported yet; the peer is never dialled without it.",
    );
  }
  return entry.peerAddress === "default-gateway" && defaultGateways.length === 0
    ? because("no-default-gateway", "This host has no default route with a gateway.")
    : undefined;
}

function sessionsOf(entry: PeerConfig, defaultGateways: readonly Address[]): PlannedSession[] {
  const { peerAddress } = entry;
  if (peerAddress !== "default-gateway") {
    return [{ entryName: entry.name, peer: sessionPeer(entry, entry.name, peerAddress) }];
  }
  return defaultGateways.map((gateway) => ({
    entryName: entry.name,
    peer: sessionPeer(entry, `${entry.name}@${gateway.text}`, gateway),
  }));
}

function sessionPeer(entry: PeerConfig, name: string, peerAddress: Address): SessionPeer {
  const { sourceAddress, keepaliveTimeSeconds, gracefulRestart, routerId } = entry;
  return {
    name,
    localAsn: entry.myAsn,
    peerAsn: entry.peerAsn,
    peerAddress,
    peerPort: entry.peerPort,
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
    holdTimeSeconds: entry.holdTimeSeconds,
    ...(keepaliveTimeSeconds === undefined ? {} : { keepaliveTimeSeconds }),
    connectTimeSeconds: entry.connectTimeSeconds,
    sendHoldTimeSeconds: entry.sendHoldTimeSeconds,
    families: entry.families,
    importLimit: entry.importLimit,
    linkBandwidth: entry.linkBandwidth,
    ...(gracefulRestart === undefined ? {} : { gracefulRestart }),
    ...(routerId === undefined ? {} : { routerId }),
  };
}

export interface SessionDiff {
  /** No longer asked for. */
  readonly removed: readonly string[];
  /** Asked for with other values: closed, and opened anew. */
  readonly changed: readonly PlannedSession[];
  readonly added: readonly PlannedSession[];
}

/**
 * What must happen so that `running` becomes `planned`. A session whose values are equal is in no
 * list, wherever its entry now stands in the file.
 */
export function diffSessions(
  running: ReadonlyMap<string, PlannedSession>,
  planned: readonly PlannedSession[],
): SessionDiff {
  const names = new Set(planned.map(({ peer }) => peer.name));
  const changed: PlannedSession[] = [];
  const added: PlannedSession[] = [];
  for (const session of planned) {
    const present = running.get(session.peer.name);
    if (present === undefined) {
      added.push(session);
    } else if (fingerprint(present) !== fingerprint(session)) {
      changed.push(session);
    }
  }
  return { removed: [...running.keys()].filter((name) => !names.has(name)), changed, added };
}

/** Equal for equal sessions, since their members always come in the order of `sessionPeer`. */
function fingerprint(session: PlannedSession): string {
  return JSON.stringify(session, (_key, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
}
