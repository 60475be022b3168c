import { pause } from "../../lab/wait.ts";
import { GoodRouter, type Seen } from "./good-router.ts";
import { hostilePlace } from "./hostile-place.ts";
import { Program } from "./program.ts";
import type { HostileOptions, HostileReport } from "./programs/hostile-router.ts";
import type { SpeakerOptions, SpeakerReport } from "./programs/speaker.ts";

export interface CampaignOptions {
  readonly seed: number;
  /** Ends when the speaker got this many inputs. */
  readonly inputs: number;
  /** Ends after this time in any case. */
  readonly limitMs: number;
  readonly hostileSessions: number;
  readonly connection?: number;
}

/** What the reports of one speaker say together. */
export interface SpeakerSummary {
  /** The last report. */
  readonly speaker: SpeakerReport;
  readonly longestTurnMs: number;
  readonly peakRssOctets: number;
  /** Memory in use after a garbage collection: the first figure after the start, and the last. */
  readonly liveOctets: readonly [number, number];
}

export interface CampaignResult extends SpeakerSummary {
  readonly durationMs: number;
  readonly hostile: HostileReport;
  readonly seen: Seen;
  /** How the speaker ended, if it ended by itself. */
  readonly crash: number | string | undefined;
}

/** The speaker dies if it holds more: what is flat is not only flat in the end. */
const heapLimitMegabytes = 128;
const settleMs = 1_500;

/** Runs the speaker between a router that behaves and one that does not. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  await using good = await GoodRouter.start();
  const { promise: listening, resolve: isListening } = Promise.withResolvers<void>();
  let hostile: HostileReport = { connections: 0, inputs: 0, attacks: {}, open: [] };
  const { seed, connection, hostileSessions } = options;
  const place = hostilePlace(process.pid, hostileSessions);
  await using _router = Program.start<HostileReport>(
    "hostile-router",
    { seed, place, ...(connection !== undefined && { connection }) } satisfies HostileOptions,
    (report) => {
      hostile = report;
      isListening();
    },
  );
  await listening;
  const record = new SpeakerRecord();
  await using speaker = startSpeaker({ goodPort: good.port, hostile: place }, record);
  const startMs = performance.now();
  while (speaker.exit === undefined && hostile.inputs < options.inputs) {
    if (performance.now() - startMs > options.limitMs) {
      break;
    }
    await pause(50);
  }
  const durationMs = performance.now() - startMs;
  await record.awaitCollection(settleMs * 3, () => speaker.exit !== undefined);
  return { durationMs, hostile, seen: good.seen, crash: speaker.exit, ...record.summary() };
}

export function startSpeaker(
  options: SpeakerOptions,
  record: SpeakerRecord,
): Program<SpeakerReport> {
  return Program.start<SpeakerReport>("speaker", options, (report) => record.take(report), [
    "--expose-gc",
    `--max-old-space-size=${heapLimitMegabytes}`,
  ]);
}

/** The reports of a speaker, and the extremes of what they say. */
export class SpeakerRecord {
  #last: SpeakerReport | undefined;
  #longestTurnMs = 0;
  #peakRssOctets = 0;
  readonly #liveOctets: number[] = [];

  take(report: SpeakerReport): void {
    this.#longestTurnMs = Math.max(this.#longestTurnMs, report.longestTurnMs);
    this.#peakRssOctets = Math.max(this.#peakRssOctets, report.rssOctets);
    this.#last = report;
    if (report.liveOctets !== undefined) {
      this.#liveOctets.push(report.liveOctets);
    }
  }

  get last(): SpeakerReport | undefined {
    return this.#last;
  }

  /** Waits for the next figure of memory in use. */
  async awaitCollection(limitMs: number, isOver: () => boolean): Promise<void> {
    const count = this.#liveOctets.length;
    const deadline = performance.now() + limitMs;
    while (this.#liveOctets.length === count && performance.now() < deadline && !isOver()) {
      await pause(50);
    }
  }

  /** @throws Error if there was no report */
  summary(): SpeakerSummary {
    const first = this.#liveOctets[0] ?? 0;
    if (this.#last === undefined) {
      throw new Error("the speaker reported nothing");
    }
    return {
      speaker: this.#last,
      longestTurnMs: this.#longestTurnMs,
      peakRssOctets: this.#peakRssOctets,
      liveOctets: [first, this.#liveOctets.at(-1) ?? first],
    };
  }
}
