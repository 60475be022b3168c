import type { Labels } from "../../cluster/selector.ts";
import type { LoadBalancerClass, Service } from "../../cluster/service.ts";
import type { ControllerSnapshot } from "../../cluster/snapshot.ts";
import type { Steps } from "../../cluster/steps.ts";
import type { Verdict } from "../../config/in-force.ts";
import type { Config } from "../../config/model.ts";
import { formatFinding } from "../../config/parse.ts";
import type { EventNote } from "../../kube/event-note.ts";
import type { EventRecorder } from "../../kube/events.ts";
import type { Store } from "../../kube/store.ts";
import type { Clock } from "../../runtime/clock.ts";
import { coalesce } from "../../runtime/coalesce.ts";
import { inSlices } from "../../runtime/slices.ts";
import { allocationSteps, type Ledger } from "../allocate.ts";
import { amend } from "../amend.ts";
import { type Allocation, nothingAllocated } from "../outcome.ts";
import { describeAllocation } from "../state.ts";
import { formatStranded, strandedSteps } from "../stranded.ts";
import { type Configuration, sha256 } from "./configuration.ts";
import { matters } from "./matters.ts";
import type { ControllerMetrics } from "./metrics.ts";
import type { MissingServices } from "./missing-services.ts";
import { putNotes, standingNotesSteps } from "./notes.ts";
import type { ServiceWriter } from "./service-writer.ts";
import { SinceLastPass } from "./since-last-pass.ts";

export interface ControllerParts {
  readonly services: Store<Service>;
  readonly namespaces: Store<Labels>;
  readonly configuration: Configuration;
  readonly missing: MissingServices;
  readonly writer: ServiceWriter;
  readonly recorder: EventRecorder;
  readonly metrics: ControllerMetrics;
  readonly loadBalancerClass: LoadBalancerClass;
  readonly clock: Clock;
  readonly leads: () => boolean;
  /** Why this controller will never lead, though it should; a line. */
  readonly whyNeverLeads: () => string | undefined;
}

/**
 * After a pass comes a rest of its length; of nine times that while so many pressing writes wait that
 * they need the event loop more than another decision would.
 */
const rests = {
  quiet: { factor: 1, limitMs: 100 },
  storm: { factor: 9, limitMs: 500 },
} as const;
const stormSize = 32;

/**
 * From whole snapshot to addresses, level-triggered: every change of a Store leads to a pass over
 * everything, at once when it is quiet. In a storm (10,000 Services changed, and our own 10,000
 * writes) passes come so far apart that they leave the event loop to the writes. Where Services only
 * came and went, the pass looks at those alone if that is the same (`amend`).
 */
export class Controller {
  readonly #parts: ControllerParts;
  #ledger: Ledger | undefined;
  /** By key of the Service, as the last pass that was not given up left them. */
  #serviceNotes = new Map<string, readonly EventNote[]>();
  #restUntilMs = 0;
  /** Counted up whenever what was decided is forgotten, with the pass that is under way. */
  #tenure = 0;
  readonly #changes: SinceLastPass;
  #isPassing = false;
  /** Something changed while a pass was under way. */
  #isAskedAgain = false;

  /** Asks for a pass over everything; it runs in a later turn of the event loop. */
  readonly wake: () => void;
  /** As `wake`, for what is noted as changed already. */
  readonly #passSoon: () => void;

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#changes = new SinceLastPass(parts.clock);
    this.#passSoon = coalesce(
      () => void this.#pass(),
      (run) => this.#schedule(run),
    );
    this.wake = () => {
      this.#changes.takeAnything();
      this.#passSoon();
    };
    parts.namespaces.onChange(this.wake);
    parts.services.onChange((change) => {
      if (!matters(change, this.#ledger)) {
        return;
      }
      if (this.#changes.takeComeOrGone(change)) {
        this.#passSoon();
      } else {
        this.wake();
      }
    });
  }

  get #allocation(): Allocation {
    return this.#ledger?.allocation ?? nothingAllocated;
  }

  /** Why the process cannot do its work yet, a line each. */
  whyNotReady(): readonly string[] {
    const { services, namespaces, configuration, whyNeverLeads } = this.#parts;
    const refusal = whyNeverLeads();
    return [
      ...(refusal === undefined ? [] : [refusal]),
      ...(services.isSynced ? [] : ["Services have not been listed yet"]),
      ...(namespaces.isSynced ? [] : ["Namespaces have not been listed yet"]),
      ...(configuration.inForce === undefined
        ? [configuration.judgement?.text ?? "no configuration has been read yet"]
        : []),
    ];
  }

  /** What `/state` shows. */
  state(): object {
    const { configuration, writer, leads } = this.#parts;
    const { judgement } = configuration;
    return {
      leads: leads(),
      config: {
        reason: judgement?.reason ?? "not-read-yet",
        why: judgement?.text ?? "",
        isStale: judgement?.isStale ?? false,
        sha256: judgement?.acting === undefined ? null : sha256(judgement.acting.text),
        findings: (judgement?.findings ?? []).map((finding) => formatFinding(finding)),
      },
      ...describeAllocation(leads() ? this.#allocation : nothingAllocated),
      servicesWithOverwrittenStatus: writer.paused,
      writesOnTheirWay: writer.size,
    };
  }

  /** Forgets what an earlier tenure decided: another leader may have decided otherwise since. */
  startAnew(): void {
    this.#tenure += 1;
    this.#ledger = undefined;
    this.#serviceNotes.clear();
  }

  /** A new configuration may not take away an address that a Service has. */
  async verdictOn(candidate: Config): Promise<Verdict | undefined> {
    const { configuration, clock, leads } = this.#parts;
    const { inForce } = configuration;
    if (inForce === undefined) {
      return { candidate };
    }
    const steps = strandedSteps(this.#snapshot(inForce), this.#allocation, candidate);
    const stranded = await inSlices(steps, clock, leads);
    if (stranded === undefined) {
      this.wake();
      return undefined;
    }
    return stranded.length === 0 ? { candidate } : { candidate, refusal: formatStranded(stranded) };
  }

  #schedule(run: () => void): void {
    const restMs = this.#restUntilMs - this.#parts.clock.now();
    if (restMs > 0) {
      this.#parts.clock.after(restMs, run);
    } else {
      setImmediate(run);
    }
  }

  async #pass(): Promise<void> {
    const { services, namespaces, configuration, writer, recorder, metrics, clock, leads } =
      this.#parts;
    if (!services.isSynced || !namespaces.isSynced) {
      return;
    }
    if (this.#isPassing) {
      this.#isAskedAgain = true;
      return;
    }
    this.#isPassing = true;
    const startMs = clock.now();
    const judgement = await configuration.judge();
    metrics.configLoaded.set({}, judgement.acting === undefined ? 0 : 1);
    metrics.configStale.set({}, judgement.isStale ? 1 : 0);
    metrics.leadership.set({}, leads() ? 1 : 0);
    if (!leads()) {
      this.#changes.forget();
      metrics.showAllocation(nothingAllocated, [], 0);
    } else if (judgement.acting !== undefined && !configuration.isChanging) {
      await this.#allocate(judgement.acting.config);
    }
    await inSlices(recorder.standingSteps(leads() ? this.#notes() : []), clock, () => true);
    const endMs = clock.now();
    const { factor, limitMs } = rests[writer.pressing > stormSize ? "storm" : "quiet"];
    this.#restUntilMs = endMs + Math.min((endMs - startMs) * factor, limitMs);
    this.#isPassing = false;
    if (this.#isAskedAgain) {
      this.#isAskedAgain = false;
      this.#passSoon();
    }
  }

  /**
   * Decides by a snapshot that stays as it is while the event loop turns. What changes meanwhile is
   * for the next pass: this one writes no Service that is another than it was decided about.
   */
  async #allocate(config: Config): Promise<void> {
    const { clock, configuration, leads } = this.#parts;
    if (this.#amend(config)) {
      return;
    }
    const sinceMs = this.#changes.start();
    const tenure = this.#tenure;
    const isWanted = () => leads() && this.#tenure === tenure && !configuration.isChanging;
    const done = await inSlices(this.#allocateSteps(config, sinceMs), clock, isWanted);
    if (done === undefined) {
      this.#changes.takeAnything(sinceMs);
      this.#isAskedAgain = true;
    }
  }

  /** @returns "done", for `undefined` says that they were given up */
  *#allocateSteps(config: Config, sinceMs: number): Steps<"done"> {
    const { metrics, writer, clock } = this.#parts;
    const startMs = clock.now();
    const snapshot = this.#snapshot(config);
    const decided = yield* allocationSteps(snapshot, this.#allocation);
    const { allocation, waiting } = decided;
    this.#ledger = decided;
    metrics.showAllocation(allocation, waiting, (clock.now() - startMs) / 1_000);
    yield* writer.applySteps(snapshot.services, allocation, sinceMs);
    this.#serviceNotes = yield* standingNotesSteps(snapshot.services, allocation);
    return "done";
  }

  /** Of all that stands. */
  #notes(): readonly EventNote[] {
    return [...this.#parts.configuration.notes(), ...[...this.#serviceNotes.values()].flat()];
  }

  /** Decides about those alone that came or went; false: that is not enough. */
  #amend(config: Config): boolean {
    const { services, missing, writer, metrics, clock } = this.#parts;
    const { comeOrGone } = this.#changes;
    const ledger = this.#ledger;
    if (comeOrGone === undefined || ledger?.config !== config || !missing.isEmpty) {
      return false;
    }
    const startMs = clock.now();
    const keys = [...comeOrGone.keys()];
    const amended = keys.some((key) => writer.hasWrite(key))
      ? undefined
      : amend(ledger, {
          come: keys.flatMap((key) => services.entries.get(key) ?? []),
          gone: [...comeOrGone.values()].flatMap((before) => before ?? []),
        });
    if (amended === undefined) {
      return false;
    }
    this.#ledger = amended;
    const { allocation, waiting } = amended;
    metrics.showAllocation(allocation, waiting, (clock.now() - startMs) / 1_000);
    writer.applyChanged(keys, allocation, this.#changes.start());
    for (const key of keys) {
      putNotes(this.#serviceNotes, key, services.entries.get(key), allocation.outcomes.get(key));
    }
    return true;
  }

  #snapshot(config: Config): ControllerSnapshot {
    const { services, namespaces, missing, writer, loadBalancerClass } = this.#parts;
    return {
      config,
      loadBalancerClass,
      services: new Map(missing.withMissing(services.entries)),
      namespaces: new Map(namespaces.entries),
      underWay: writer.underWay,
    };
  }
}
