import type { Config, ConfigFinding, ParsedConfig } from "./model.ts";
import { parseConfig } from "./parse.ts";

/**
 * Which configuration a process acts on.
 *
 *     user's ConfigMap --judged by the leader--> <config>-in-force --acted on by--> every process
 *
 * The leading controller acts like everybody else on the object alone, so that it writes a text
 * before it acts on it. A broken edit, a deleted ConfigMap or a restart of every node changes nothing.
 */

/** `absent` is a completed read that said NotFound; a 403 or a timeout leaves it `unread`. */
export type UserConfigMap =
  | { readonly state: "unread" }
  | { readonly state: "absent" }
  | {
      readonly state: "present";
      /** The key `config`; absent: the ConfigMap has no such key. */
      readonly text?: string;
    };

export type InForceConfigMap =
  | { readonly state: "unread" }
  | { readonly state: "absent" }
  | { readonly state: "present"; readonly content: Partial<InForceContent> };

/** The keys `config`, `previous` and `source-sha256` of `<config>-in-force`. */
export interface InForceContent {
  readonly config: string;
  /** The text in force before; empty if there was none. */
  readonly previous: string;
  /** Of `config`, in hexadecimal: an edit by hand shows. */
  readonly sourceSha256: string;
}

/** A configuration with the text that it was parsed from. */
export interface Held {
  readonly text: string;
  readonly config: Config;
}

/** What a process remembers from one judgement to the next; begins as `{}`. */
export interface InForceMemory {
  /** What it acts on. */
  readonly held?: Held;
  /** What the object ought to hold: what the leader found when it began to lead, or wrote. */
  readonly expected?: InForceContent;
  /** What the leader asked to be written and has not seen in the object yet. */
  readonly pending?: readonly InForceContent[];
  /** The user's text that was parsed last. */
  readonly parsed?: { readonly text: string; readonly result: ParsedConfig };
}

/** Why the user's text is, or is not, what the process acts on. */
export type InForceReason =
  | "in-force"
  | "not-read-yet"
  | "no-configuration"
  | "text-invalid"
  | "text-refused"
  | "text-not-accepted-yet"
  | "config-map-absent"
  | "config-key-absent"
  | "in-force-unusable";

export interface InForceJudgement {
  /** What to act on; absent: nothing yet, wait. The same object as long as the text is the same. */
  readonly acting?: Held;
  /** Whether the user wants something else than what the process acts on. */
  readonly isStale: boolean;
  readonly reason: InForceReason;
  /** A sentence for an operator. */
  readonly text: string;
  /** What is wrong with the user's text, warnings too; empty if there is none. */
  readonly findings: readonly ConfigFinding[];
  /**
   * What the leader must write to the object, with its resourceVersion (or create it), and then
   * judge again. Absent: nothing to write.
   */
  readonly write?: InForceContent;
  /** Valid, and new to the leader, which has no verdict on it yet: to be judged again with one. */
  readonly candidate?: Config;
  /** For the next judgement. */
  readonly memory: InForceMemory;
}

export interface InForceInputs {
  readonly user: UserConfigMap;
  readonly inForce: InForceConfigMap;
  readonly memory: InForceMemory;
  readonly sha256: (text: string) => string;
  /** The leading controller only; absent for all others, which accept nothing. */
  readonly leader?: { readonly verdict?: Verdict };
}

/** The leader's, on a configuration that is valid. */
export interface Verdict {
  readonly candidate: Config;
  /** Why it may not come into force now, as a sentence; absent: it may. */
  readonly refusal?: string;
}

/**
 * Judges what the process acts on now. To be called when one of the two ConfigMaps changed, when the
 * leadership did, and, by the leader, when Services did: that may lift a refusal.
 */
export function judgeInForce(inputs: InForceInputs): InForceJudgement {
  const { user, inForce, memory, leader, sha256 } = inputs;
  const read = parseUserText(user, memory);
  const owned = leader === undefined ? undefined : ownedContent(inputs);
  const acting = chooseActing(inputs, read, owned);
  const parsed = lostKey(inputs, acting) ? undefined : read;
  const candidate =
    leader !== undefined && parsed?.result.ok === true && parsed.text !== owned?.config
      ? parsed.result.config
      : undefined;
  const verdict = leader?.verdict?.candidate === candidate ? leader?.verdict : undefined;
  const refusal = verdict?.refusal;
  const accepted =
    parsed !== undefined && verdict !== undefined && refusal === undefined
      ? { config: parsed.text, previous: acting?.text ?? "", sourceSha256: sha256(parsed.text) }
      : undefined;
  const content =
    leader === undefined || inForce.state === "unread" ? undefined : (accepted ?? owned);
  const write = content === undefined || holdsContent(inForce, content) ? undefined : content;
  const reason = reasonOf(inputs, parsed, acting, refusal);
  return {
    ...(acting === undefined ? {} : { acting }),
    isStale: reason !== "in-force" && reason !== "not-read-yet" && reason !== "no-configuration",
    reason,
    text: refusal ?? sentences[reason],
    findings: parsed?.result.findings ?? [],
    ...(write === undefined ? {} : { write }),
    ...(candidate === undefined || verdict !== undefined ? {} : { candidate }),
    memory: {
      ...(acting === undefined ? {} : { held: acting }),
      ...(owned === undefined ? {} : { expected: owned }),
      ...(leader === undefined ? {} : { pending: stillPending(inputs, owned, write) }),
      ...(parsed === undefined ? {} : { parsed }),
    },
  };
}

type ParsedText = NonNullable<InForceMemory["parsed"]>;

function parseUserText(user: UserConfigMap, memory: InForceMemory): ParsedText | undefined {
  if (user.state !== "present") {
    return undefined;
  }
  const { text = "" } = user;
  return memory.parsed?.text === text ? memory.parsed : { text, result: parseConfig(text) };
}

/**
 * The key `config` is missing where something is in force: a mistake (the key misspelt, a
 * `--from-file` under another name) rather than the wish to withdraw everything, which an empty text
 * says. Where nothing is in force it counts as empty, as in MetalLB.
 */
function lostKey({ user, inForce }: InForceInputs, acting: Held | undefined): boolean {
  if (user.state !== "present" || user.text !== undefined) {
    return false;
  }
  if (acting === undefined) {
    return inForce.state === "present";
  }
  const { peers, pools, layer2Pools } = acting.config;
  return peers.length > 0 || pools.length > 0 || layer2Pools.length > 0;
}

/**
 * What the object ought to hold, as far as the leader knows: what it asked to be written once that
 * is seen there, else what it found when it began to lead, else what it holds itself.
 */
function ownedContent({ inForce, memory, sha256 }: InForceInputs): InForceContent | undefined {
  if (inForce.state === "unread") {
    return memory.expected;
  }
  const written = memory.pending?.find((content) => holdsContent(inForce, content));
  const owned = written ?? memory.expected;
  if (owned !== undefined) {
    return owned;
  }
  const found = wholeContent(inForce, sha256);
  if (found !== undefined || memory.held === undefined) {
    return found;
  }
  const { text } = memory.held;
  return { config: text, previous: "", sourceSha256: sha256(text) };
}

function stillPending(
  { inForce, memory }: InForceInputs,
  owned: InForceContent | undefined,
  write: InForceContent | undefined,
): readonly InForceContent[] {
  const hasLanded = owned !== undefined && holdsContent(inForce, owned);
  const earlier = hasLanded && owned !== memory.expected ? [] : (memory.pending ?? []);
  const isKnown = write === undefined || earlier.some((content) => isSameContent(content, write));
  return isKnown ? earlier : [...earlier, write];
}

function chooseActing(
  { inForce, memory, leader, sha256 }: InForceInputs,
  user: ParsedText | undefined,
  owned: InForceContent | undefined,
): Held | undefined {
  const { held } = memory;
  if (inForce.state === "unread") {
    return held;
  }
  if (inForce.state === "absent") {
    const mayJudge = held === undefined && leader === undefined && user?.result.ok === true;
    return mayJudge ? { text: user.text, config: user.result.config } : held;
  }
  if (owned !== undefined && !holdsContent(inForce, owned)) {
    return held;
  }
  const { config, previous = "", sourceSha256 } = inForce.content;
  const isWhole = config !== undefined && sha256(config) === sourceSha256;
  const current = isWhole ? holdText(config, held) : undefined;
  if (current !== undefined) {
    return current;
  }
  const isHeldInForce = held !== undefined && sha256(held.text) === sourceSha256;
  const earlier = isHeldInForce || previous === "" ? undefined : holdText(previous, held);
  return earlier ?? held;
}

/** The text as what to act on; undefined if it is no configuration to this version. */
function holdText(text: string, held: Held | undefined): Held | undefined {
  if (held?.text === text) {
    return held;
  }
  const parsed = parseConfig(text);
  return parsed.ok ? { text, config: parsed.config } : undefined;
}

function wholeContent(
  inForce: InForceConfigMap,
  sha256: (text: string) => string,
): InForceContent | undefined {
  if (inForce.state !== "present") {
    return undefined;
  }
  const { config, previous = "", sourceSha256 } = inForce.content;
  return config !== undefined && sourceSha256 === sha256(config)
    ? { config, previous, sourceSha256 }
    : undefined;
}

function holdsContent(inForce: InForceConfigMap, content: InForceContent): boolean {
  return inForce.state === "present" && isSameContent(inForce.content, content);
}

function isSameContent(a: Partial<InForceContent>, b: InForceContent): boolean {
  return (
    a.config === b.config && (a.previous ?? "") === b.previous && a.sourceSha256 === b.sourceSha256
  );
}

const sentences = {
  "in-force": "The configuration is in force.",
  "not-read-yet": "The ConfigMaps have not been read yet.",
  "no-configuration": "There is no ConfigMap and no configuration in force: waiting for one.",
  "text-invalid": "The ConfigMap has errors; the last good configuration, if any, stays in force.",
  "text-refused": "The ConfigMap is valid, but cannot come into force now.",
  "text-not-accepted-yet":
    "The ConfigMap is valid, but the leading controller has not accepted it yet.",
  "config-map-absent": "The ConfigMap is gone; the last good configuration stays in force.",
  "config-key-absent":
    'The ConfigMap has no key "config"; the last good configuration stays in force. An empty text under it would say that nothing is wanted.',
  "in-force-unusable":
    "The accepted configuration was edited by hand, or needs a newer version; the one before it stays in force.",
} as const satisfies Record<InForceReason, string>;

function reasonOf(
  { user, inForce }: InForceInputs,
  parsed: ParsedText | undefined,
  acting: Held | undefined,
  refusal: string | undefined,
): InForceReason {
  if (parsed !== undefined && parsed.text === acting?.text) {
    return "in-force";
  }
  if (user.state === "unread" || (acting === undefined && inForce.state === "unread")) {
    return "not-read-yet";
  }
  if (parsed === undefined) {
    if (acting !== undefined) {
      return user.state === "present" ? "config-key-absent" : "config-map-absent";
    }
    return inForce.state === "present" ? "in-force-unusable" : "no-configuration";
  }
  if (inForce.state === "present" && inForce.content.config === parsed.text) {
    return "in-force-unusable";
  }
  if (!parsed.result.ok) {
    return "text-invalid";
  }
  return refusal === undefined ? "text-not-accepted-yet" : "text-refused";
}
