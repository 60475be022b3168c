import type { SessionPeer } from "../bgp/session/session.ts";
import type { Node } from "../cluster/node.ts";
import { someSelectorMatches } from "../cluster/selector.ts";
import type { BfdProfile, Config, PeerConfig } from "../config/model.ts";
import type { Address } from "../net/address.ts";

/** A session that must exist on this node. */
export interface PlannedSession {
  /** Of the entry in `peers` that it comes from. */
  readonly entryName: string;
  /** `peer.name` is unique: the entry's name, with `@address` behind it for a default gateway. */
  readonly peer: SessionPeer;
  /** Absent: no BFD. */
  readonly bfdProfile?: BfdProfile;
  readonly ebgpMultihop: boolean;
}

export type NotDialledReason =
  | "node-not-selected"
  | "no-default-gateway"
  | "secret-unread"
  | "secret-missing"
  | "password-too-long";

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

/** A key of a Secret, as `password-secret` names it. */
export interface SecretKey {
  readonly name: string;
  readonly key: string;
}

/** `missing`: a completed read said that there is no such Secret or key, or that it is empty. */
export type SecretValue =
  | { readonly state: "unread" | "missing" }
  | { readonly state: "present"; readonly text: string };

/** What a plan needs to know besides the configuration and the Node. */
export interface PlanSources {
  /**
   * Of this host's routing table; only entries whose peer-address is `default-gateway` look at
   * them, and each gives one session per gateway.
   */
  readonly defaultGateways: readonly Address[];
  readonly secret: (key: SecretKey) => SecretValue;
}

/** The kernel takes no longer key for TCP MD5. */
const longestPasswordOctets = 80;

/**
 * The sessions that `config` asks of this node. A peer with a password is never dialled without it.
 */
export function planSessions(config: Config, node: Node, sources: PlanSources): SessionPlan {
  const sessions: PlannedSession[] = [];
  const notDialled: NotDialled[] = [];
  for (const entry of config.peers) {
    const password = passwordOf(entry, sources);
    const reason = whyNotDialled(entry, node, sources) ?? password.reason;
    if (reason === undefined) {
      sessions.push(...sessionsOf(entry, sources, password.text));
    } else {
      notDialled.push({ entryName: entry.name, ...reason });
    }
  }
  return { sessions, notDialled };
}

/** The names of the Secrets that the peers' passwords are in. */
export function secretNames(config: Config): ReadonlySet<string> {
  return new Set(
    config.peers.flatMap(({ password }) => (password?.type === "secret" ? [password.name] : [])),
  );
}

/** Whether any entry needs to know the host's default gateways. */
export function needsDefaultGateways(config: Config): boolean {
  return config.peers.some(({ peerAddress }) => peerAddress === "default-gateway");
}

type Reason = Omit<NotDialled, "entryName">;

function whyNotDialled(
  entry: PeerConfig,
  node: Node,
  { defaultGateways }: PlanSources,
): Reason | undefined {
  if (!someSelectorMatches(entry.nodeSelectors, node.labels)) {
    const text = "The entry's node-selectors leave this node out.";
    return { reason: "node-not-selected", text };
  }
  if (entry.peerAddress === "default-gateway" && defaultGateways.length === 0) {
    const text = "This host has no default route with a gateway.";
    return { reason: "no-default-gateway", text };
  }
  return undefined;
}

interface Password {
  readonly text?: string;
  /** Why there is none although the entry has one. */
  readonly reason?: Reason;
}

function passwordOf({ password }: PeerConfig, { secret }: PlanSources): Password {
  if (password?.type !== "secret") {
    return password === undefined ? {} : { text: password.text };
  }
  const { name, key } = password;
  const value = secret({ name, key });
  switch (value.state) {
    case "unread":
      return {
        reason: {
          reason: "secret-unread",
          text: `The Secret ${name} could not be read yet; the speaker's Role must allow it by name.`,
        },
      };
    case "missing":
      return {
        reason: {
          reason: "secret-missing",
          text: `There is no Secret ${name} with something under the key ${key}.`,
        },
      };
    case "present":
      return new TextEncoder().encode(value.text).length <= longestPasswordOctets
        ? { text: value.text }
        : {
            reason: {
              reason: "password-too-long",
              text: `What the Secret ${name} holds under ${key} is longer than ${longestPasswordOctets} bytes.`,
            },
          };
  }
}

function sessionsOf(
  entry: PeerConfig,
  { defaultGateways }: PlanSources,
  password: string | undefined,
): PlannedSession[] {
  const { peerAddress, name: entryName, bfdProfile, ebgpMultihop } = entry;
  const bfd = { ...(bfdProfile === undefined ? {} : { bfdProfile }), ebgpMultihop };
  if (peerAddress !== "default-gateway") {
    const peer = sessionPeer(entry, entryName, peerAddress, password);
    return [{ entryName, peer, ...bfd }];
  }
  return defaultGateways.map((gateway) => ({
    entryName,
    peer: sessionPeer(entry, `${entryName}@${gateway.text}`, gateway, password),
    ...bfd,
  }));
}

function sessionPeer(
  entry: PeerConfig,
  name: string,
  peerAddress: Address,
  password: string | undefined,
): SessionPeer {
  const { sourceAddress, keepaliveTimeSeconds, gracefulRestart, routerId } = entry;
  const { ttlSecurityHops } = entry;
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
    ...(password === undefined ? {} : { password }),
    ...(ttlSecurityHops === undefined ? {} : { ttlSecurityHops }),
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

/**
 * Equal for equal sessions, since their members always come in the order of `sessionPeer`. BFD is not
 * part of it: another profile is negotiated while both sessions stay up.
 */
function fingerprint({ entryName, peer }: PlannedSession): string {
  return JSON.stringify({ entryName, peer }, (_key, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
}
