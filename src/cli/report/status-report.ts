import type { Answers } from "./collect.ts";
import type { PoolView, ServiceReason } from "./controller-view.ts";
import { gapsOf } from "./gaps.ts";
import type { NotDialledView, SessionView } from "./speaker-view.ts";

/** The state of the whole cluster's load balancing, as our Pods tell it. */
export interface StatusReport {
  readonly sessions: readonly (SessionView & { readonly node: string })[];
  /** Entries of `peers` without a session, and why; those that are for other nodes are left out. */
  readonly notDialled: readonly (NotDialledView & { readonly node: string })[];
  readonly speakers: readonly SpeakerLine[];
  /** Absent: no controller that leads answered. */
  readonly allocation?: {
    readonly pools: readonly PoolView[];
    readonly servicesWithAddress: number;
    readonly servicesWithoutAddress: readonly ServiceReason[];
  };
  /** What is wrong with the configuration as a whole, a sentence each. */
  readonly configuration: readonly string[];
  /** What could not be found out, a sentence each; empty: the report is whole. */
  readonly gaps: readonly string[];
}

export interface SpeakerLine {
  readonly node: string;
  readonly pod: string;
  readonly version: string;
  readonly waitingFor: readonly string[];
  readonly drainCause?: string;
  readonly isDataplaneUnhealthy: boolean;
  readonly sha256?: string;
}

export function reportStatus(answers: Answers): StatusReport {
  const speakers = answers.speakers.flatMap(({ pod, outcome }) =>
    outcome.type === "answered" ? [{ pod, ...outcome.view }] : [],
  );
  const controllers = answers.controllers.flatMap(({ outcome }) =>
    outcome.type === "answered" ? [outcome.view] : [],
  );
  const leader = controllers.find(({ leads }) => leads);
  return {
    sessions: speakers.flatMap(({ node, sessions }) =>
      sessions.map((session) => ({ node, ...session })),
    ),
    notDialled: speakers.flatMap(({ node, notDialled }) =>
      notDialled
        .filter(({ reason }) => reason !== "node-not-selected")
        .map((entry) => ({ node, ...entry })),
    ),
    speakers: speakers.map(
      ({ node, pod, version, waitingFor, drainCause, isDataplaneUnhealthy, config }) => ({
        node,
        pod,
        version,
        waitingFor,
        isDataplaneUnhealthy,
        ...(drainCause === undefined ? {} : { drainCause }),
        ...(config.sha256 === undefined ? {} : { sha256: config.sha256 }),
      }),
    ),
    ...(leader && {
      allocation: {
        pools: leader.pools,
        servicesWithAddress: leader.servicesWithAddress,
        servicesWithoutAddress: leader.withoutAddress,
      },
    }),
    configuration: [
      ...(leader?.config.isStale === true
        ? [`The ConfigMap's text is not in force: ${leader.config.why || "see its Events"}`]
        : []),
      ...whoDiffers(speakers),
    ],
    gaps: [
      ...gapsOf(answers),
      ...(leader === undefined && controllers.length > 0
        ? ["No controller leads: Services get no addresses now."]
        : []),
    ],
  };
}

/** After a change all speakers soon act on one text; one that stays behind is worth a look. */
function whoDiffers(
  speakers: readonly { readonly node: string; readonly config: { readonly sha256?: string } }[],
): readonly string[] {
  const counts = new Map<string, number>();
  for (const { config } of speakers) {
    const text = config.sha256 ?? "none";
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  return speakers
    .filter(({ config }) => (config.sha256 ?? "none") !== most?.[0])
    .map(({ node }) => `The speaker on ${node} acts on another configuration than most.`);
}
