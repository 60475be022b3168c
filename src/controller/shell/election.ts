import type { KubeObject } from "../../kube/client.ts";
import {
  isAlreadyExists,
  isConflict,
  isNotFound,
  type KubeApi,
  KubeError,
} from "../../kube/client.ts";
import { numberOf, recordOf, textOf } from "../../kube/json.ts";
import { resources } from "../../kube/resource.ts";
import { type Clock, sleep, type Timer } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import {
  actingTenure,
  type LeaseMemory,
  type LeaseRecord,
  type LeaseStep,
  type LeaseTerms,
  leaseSpec,
  type Moment,
  observeLease,
  planLease,
  releasedSpec,
  takeWritten,
} from "../lease.ts";

export interface ElectionOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  readonly terms: LeaseTerms;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called once in each tenure, before anything is decided in it: to see what the leader before us wrote. */
  readonly prepare: (signal: AbortSignal) => Promise<void>;
  /** `leads` may answer differently from now on. */
  readonly onChange: () => void;
}

/** Between two tries; with a short `renewMs` there are five tries in it as well. */
const tryMs = 2_000;
const triesInRenewal = 5;
/** A call for the Lease that takes longer is given up, so that there is time for another. */
const callLimitMs = 5_000;

/**
 * Takes and keeps the Lease by which one of several controllers acts; the rules are in lease.ts.
 *
 * RBAC: `get` and `update` on the Lease, `create` on Leases.
 */
export class Election {
  readonly #options: ElectionOptions;
  #memory: LeaseMemory = {};
  /** The Lease as we wrote it last; undefined: it must be read. */
  #own: KubeObject | undefined;
  #isPreparing = false;
  /** Start of the tenure that is prepared. */
  #preparedMs: number | undefined;
  #didLead = false;
  #hasEnded = false;
  #expiry: Timer | undefined;
  #failure: string | undefined;
  #refusal: string | undefined;
  #toldHolder: string | undefined;

  constructor(options: ElectionOptions) {
    this.#options = options;
  }

  /** Whether this process may act in this very moment. */
  leads(): boolean {
    const tenure = actingTenure(this.#memory, this.#options.terms, this.#now());
    return !this.#hasEnded && tenure !== undefined && tenure.sinceMs === this.#preparedMs;
  }

  /** The server forbids what an election needs; undefined: it does not. Not to lead is no reason. */
  whyNotReady(): string | undefined {
    return this.#refusal;
  }

  /** Tries to lead until `signal` aborts; a renewal that is on its way then is waited for. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, terms } = this.#options;
    const pauseMs = Math.min(tryMs, terms.renewMs / triesInRenewal);
    let preparation = Promise.resolve();
    while (!signal.aborted) {
      const startMs = clock.now();
      await this.#try(signal);
      const tenure = actingTenure(this.#memory, terms, this.#now());
      if (tenure !== undefined && tenure.sinceMs !== this.#preparedMs && !this.#isPreparing) {
        preparation = this.#prepare(tenure.sinceMs, signal);
      }
      this.#look();
      await sleep(clock, Math.max(0, pauseMs - (clock.now() - startMs)), signal);
    }
    await preparation;
  }

  /**
   * Gives the Lease back after the last write ended, so that another need not wait. Without it, or
   * if it fails, the others take the Lease over when it has expired.
   */
  async release(): Promise<void> {
    const { logger, terms } = this.#options;
    this.end();
    try {
      const lease = this.#own ?? (await this.#read());
      const record = lease && recordOfLease(lease);
      if (lease !== undefined && record?.holder === terms.identity) {
        await this.#update(lease, releasedSpec(record, this.#wallTime()));
        logger.info({ lease: this.#options.name }, "Lease released");
      }
    } catch (error) {
      logger.warn({ err: error }, "Lease not released: the next leader waits until it has expired");
    }
  }

  /** Acts no more. */
  end(): void {
    this.#hasEnded = true;
    this.#expiry?.cancel();
    this.#look();
  }

  async #try(signal: AbortSignal): Promise<void> {
    const { terms, clock } = this.#options;
    try {
      if (this.#own === undefined) {
        const lease = await this.#read();
        const record = lease && recordOfLease(lease);
        this.#memory = observeLease(this.#memory, terms, record, clock.now());
        this.#own = record?.holder === terms.identity ? lease : undefined;
        this.#tellHolder(record);
        const step = planLease(this.#memory, terms, clock.now());
        if (step.type !== "wait" && !signal.aborted) {
          await this.#write(step, lease);
        }
      } else {
        const step = planLease(this.#memory, terms, clock.now());
        if (step.type === "renew") {
          await this.#write(step, this.#own);
        }
      }
      this.#takeSuccess();
    } catch (error) {
      this.#own = undefined;
      this.#takeFailure(error);
    }
  }

  async #write(
    step: Exclude<LeaseStep, { type: "wait" }>,
    lease: KubeObject | undefined,
  ): Promise<void> {
    const { terms, clock } = this.#options;
    const sent = this.#now();
    const spec = leaseSpec(step, terms, this.#wallTime());
    this.#own = lease === undefined ? await this.#create(spec) : await this.#update(lease, spec);
    const record = recordOfLease(this.#own);
    this.#memory = takeWritten(this.#memory, terms, step, record, sent);
    this.#toldHolder = undefined;
    this.#expiry?.cancel();
    this.#expiry = clock.after(Math.max(0, sent.steadyMs + terms.renewMs - clock.now()), () =>
      this.#look(),
    );
  }

  #read(): Promise<KubeObject | undefined> {
    const { api, namespace, name } = this.#options;
    return api
      .get({ resource: resources.leases, namespace, name }, { limitMs: this.#callLimitMs() })
      .catch((error: unknown) => {
        if (isNotFound(error)) {
          return undefined;
        }
        throw error;
      });
  }

  #create(spec: object): Promise<KubeObject> {
    const { api, namespace, name } = this.#options;
    const { apiVersion, kind } = resources.leases;
    const body = { apiVersion, kind, metadata: { name, namespace }, spec };
    return api.create(resources.leases, namespace, body, { limitMs: this.#callLimitMs() });
  }

  /** The whole object is written back, with what others put beside the spec. */
  #update(lease: KubeObject, spec: object): Promise<KubeObject> {
    const { api, namespace, name } = this.#options;
    const path = { resource: resources.leases, namespace, name };
    return api.update(path, { ...lease, spec }, { limitMs: this.#callLimitMs() });
  }

  #callLimitMs(): number {
    return Math.min(callLimitMs, this.#options.terms.renewMs / 2);
  }

  async #prepare(tenureMs: number, signal: AbortSignal): Promise<void> {
    const { prepare, logger } = this.#options;
    this.#isPreparing = true;
    try {
      await prepare(signal);
      this.#preparedMs = tenureMs;
    } catch (error) {
      if (!signal.aborted) {
        logger.warn({ err: error }, "holds the Lease, but cannot read the cluster; tries again");
      }
    } finally {
      this.#isPreparing = false;
    }
    this.#look();
  }

  /** Tells whoever it concerns when `leads` has another answer than last time. */
  #look(): void {
    const { logger, name, onChange } = this.#options;
    const leads = this.leads();
    if (leads === this.#didLead) {
      return;
    }
    this.#didLead = leads;
    logger.info({ lease: name }, leads ? "leads" : "leads no more");
    onChange();
  }

  #tellHolder(record: LeaseRecord | undefined): void {
    const holder = record?.holder ?? "";
    if (holder !== "" && holder !== this.#toldHolder && holder !== this.#options.terms.identity) {
      this.#options.logger.info({ holder }, "another controller leads");
    }
    this.#toldHolder = holder;
  }

  #takeSuccess(): void {
    if (this.#failure !== undefined) {
      this.#options.logger.info({ lease: this.#options.name }, "the Lease can be used again");
    }
    this.#failure = undefined;
    this.#refusal = undefined;
  }

  /** Another one was faster: not a failure. What the server forbids, a person must permit. */
  #takeFailure(error: unknown): void {
    const { namespace, name, logger } = this.#options;
    const lease = `${namespace}/${name}`;
    if (isConflict(error) || isAlreadyExists(error)) {
      logger.debug({ err: error, lease }, "another controller wrote the Lease");
      return;
    }
    const status = error instanceof KubeError ? error.status : -1;
    const isRefused = status >= 400 && status < 500 && status !== 408 && status !== 429;
    const why = error instanceof Error ? error.message : "unknown failure";
    this.#refusal = isRefused
      ? `without the Lease ${lease} this controller never acts (${why}): its service account needs ` +
        `"get" and "update" on this Lease and "create" on Leases of API group coordination.k8s.io`
      : undefined;
    const failure = status >= 0 ? `${status}` : why;
    if (failure !== this.#failure) {
      const fields = { err: error, lease };
      if (this.#refusal === undefined) {
        logger.warn(fields, "the Lease cannot be read or written; it is tried again");
      } else {
        logger.error({ ...fields, why: this.#refusal }, "the Lease may not be used");
      }
    }
    this.#failure = failure;
  }

  #now(): Moment {
    const { clock } = this.#options;
    return { steadyMs: clock.now(), wallMs: clock.wallTime() };
  }

  #wallTime(): string {
    return new Date(this.#options.clock.wallTime()).toISOString().replace("Z", "000Z");
  }
}

function recordOfLease(lease: KubeObject): LeaseRecord {
  const spec = recordOf(lease["spec"]);
  return {
    resourceVersion: lease.metadata.resourceVersion,
    holder: textOf(spec["holderIdentity"]) ?? "",
    durationMs: (numberOf(spec["leaseDurationSeconds"]) ?? 0) * 1_000,
    transitions: numberOf(spec["leaseTransitions"]) ?? 0,
    acquireTime: textOf(spec["acquireTime"]) ?? textOf(spec["renewTime"]) ?? "",
  };
}
