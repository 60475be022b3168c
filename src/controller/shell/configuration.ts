import { createHash } from "node:crypto";
import {
  type InForceConfigMap,
  type InForceContent,
  type InForceJudgement,
  type InForceMemory,
  judgeInForce,
  type UserConfigMap,
  type Verdict,
} from "../../config/in-force.ts";
import type { Config } from "../../config/model.ts";
import { formatFinding } from "../../config/parse.ts";
import { isConflict, type KubeApi } from "../../kube/client.ts";
import type { EventNote } from "../../kube/event-note.ts";
import { type ConfigMap, projectConfigMap } from "../../kube/project.ts";
import { resources } from "../../kube/resource.ts";
import type { Store } from "../../kube/store.ts";
import { WorkQueue } from "../../kube/work-queue.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { configNotes } from "./config-notes.ts";

export interface ConfigurationOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  /** The name of the user's ConfigMap; the accepted text is in `<name>-in-force`. */
  readonly name: string;
  readonly user: Store<ConfigMap>;
  readonly inForce: Store<ConfigMap>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly leads: () => boolean;
  /**
   * Asked by the leader, where renumbering is not allowed by annotation; undefined: there is no
   * verdict, because what it asks about is no longer wanted.
   */
  readonly verdictOn: (candidate: Config) => Promise<Verdict | undefined>;
  /** A write has ended, well or badly. */
  readonly wake: () => void;
}

const renumberingAnnotation = "routelb.io/allow-renumbering";
/**
 * The configuration that the controller acts on; as the leader it is also the one that accepts the
 * user's text, by writing it to `<name>-in-force` before anybody acts on it.
 */
export class Configuration {
  readonly #options: ConfigurationOptions;
  readonly #queue: WorkQueue;
  #memory: InForceMemory = {};
  #judgement: InForceJudgement | undefined;
  #isWriting = false;
  #writeFailure: string | undefined;
  #logged: string | undefined;

  constructor(options: ConfigurationOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({
      work: (_, signal) => this.#write(signal),
      onFailure: (_, error) => this.#takeFailure(error),
      concurrency: 1,
      clock: options.clock,
      random: options.random,
      backoff: { baseMs: 500, limitMs: 30_000 },
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  /** What was judged last. */
  get judgement(): InForceJudgement | undefined {
    return this.#judgement;
  }

  /**
   * A new configuration is on its way into force. Whoever gave out addresses meanwhile, by the old
   * one, might strand them at once. One that cannot be written holds nobody up: it is judged again,
   * by what was given since, before it is tried again.
   */
  get isChanging(): boolean {
    const isDue = this.#judgement?.write !== undefined && this.#writeFailure === undefined;
    return this.#isWriting || isDue;
  }

  /** What was acted on when last judged: the base that a candidate is compared with. */
  get inForce(): Config | undefined {
    return this.#memory.held?.config;
  }

  /** Judges both ConfigMaps as they stand in their Stores, and sees to it that what was accepted is written. */
  async judge(): Promise<InForceJudgement> {
    const judgement = await this.#judge();
    if (judgement.write !== undefined) {
      this.#queue.add("in-force");
    }
    return judgement;
  }

  async #judge(): Promise<InForceJudgement> {
    const first = this.#judgeWith(undefined);
    const { candidate } = first;
    const verdict =
      candidate === undefined || this.#mayRenumber()
        ? candidate && { candidate }
        : await this.#options.verdictOn(candidate);
    const judgement = verdict === undefined ? first : this.#judgeWith(verdict);
    this.#judgement = judgement;
    this.#log(judgement);
    return judgement;
  }

  #judgeWith(verdict: Verdict | undefined): InForceJudgement {
    const { user, leads, name } = this.#options;
    const judgement = judgeInForce({
      user: userState(user, this.#configMap(user, name)),
      inForce: this.#inForceState(),
      memory: this.#memory,
      sha256,
      ...(leads() ? { leader: verdict === undefined ? {} : { verdict } } : {}),
    });
    this.#memory = judgement.memory;
    return judgement;
  }

  #mayRenumber(): boolean {
    const { user, name } = this.#options;
    return this.#configMap(user, name)?.annotations[renumberingAnnotation] === "true";
  }

  /** Events on the user's ConfigMap, for as long as there is something to say about it. */
  notes(): readonly EventNote[] {
    const configMap = this.#configMap(this.#options.user, this.#options.name);
    return configMap === undefined || this.#judgement === undefined
      ? []
      : configNotes(configMap, this.#judgement, this.#writeFailure);
  }

  #configMap(store: Store<ConfigMap>, name: string): ConfigMap | undefined {
    return store.entries.get(`${this.#options.namespace}/${name}`);
  }

  #inForceName(): string {
    return `${this.#options.name}-in-force`;
  }

  #inForceState(): InForceConfigMap {
    const { inForce } = this.#options;
    const data = this.#configMap(inForce, this.#inForceName())?.data;
    if (data === undefined) {
      return { state: inForce.isSynced ? "absent" : "unread" };
    }
    const { config, previous, "source-sha256": sourceSha256 } = data;
    return {
      state: "present",
      content: {
        ...(config === undefined ? {} : { config }),
        ...(previous === undefined ? {} : { previous }),
        ...(sourceSha256 === undefined ? {} : { sourceSha256 }),
      },
    };
  }

  async #write(signal: AbortSignal): Promise<void> {
    this.#isWriting = true;
    try {
      const { write } = await this.#judge();
      if (write === undefined || !this.#options.leads()) {
        return;
      }
      const answer = projectConfigMap(await this.#send(write, signal));
      this.#writeFailure = undefined;
      this.#options.inForce.applyOwnWrite(answer.key, answer.resourceVersion, answer);
    } finally {
      this.#isWriting = false;
      this.#options.wake();
    }
  }

  #send(content: InForceContent, signal: AbortSignal) {
    const { api, namespace, inForce } = this.#options;
    const name = this.#inForceName();
    const data = {
      config: content.config,
      previous: content.previous,
      "source-sha256": content.sourceSha256,
    };
    const existing = this.#configMap(inForce, name);
    if (existing === undefined) {
      const { apiVersion, kind } = resources.configMaps;
      const body = { apiVersion, kind, metadata: { name, namespace }, data };
      return api.create(resources.configMaps, namespace, body, { signal });
    }
    const path = { resource: resources.configMaps, namespace, name };
    const metadata = { resourceVersion: existing.resourceVersion };
    return api.patch(path, "merge", { metadata, data }, { signal });
  }

  /** A conflict brings what is newer by the watch; the rest is for a person to see. */
  #takeFailure(error: unknown): void {
    const { logger } = this.#options;
    if (isConflict(error)) {
      logger.debug({ err: error }, "the accepted configuration changed before it was written");
      return;
    }
    const why = error instanceof Error ? error.message : "unknown failure";
    const failure = `valid, but not in force yet: ConfigMap ${this.#inForceName()} cannot be written: ${why}`;
    if (failure !== this.#writeFailure) {
      logger.error(
        { err: error },
        "the accepted configuration cannot be written; it is tried again",
      );
    }
    this.#writeFailure = failure;
  }

  #log({ reason, text, findings, acting }: InForceJudgement): void {
    const { logger } = this.#options;
    const key = JSON.stringify([reason, text, findings, acting?.text]);
    if (key === this.#logged) {
      return;
    }
    this.#logged = key;
    const fields = {
      reason,
      ...(acting === undefined ? {} : { sha256: sha256(acting.text) }),
      ...(findings.length === 0 ? {} : { findings: findings.map((each) => formatFinding(each)) }),
    };
    switch (reason) {
      case "in-force":
        logger.info(fields, "configuration in force");
        return;
      case "not-read-yet":
      case "text-not-accepted-yet":
        logger.debug(fields, "configuration not read or accepted yet");
        return;
      case "no-configuration":
        logger.warn(fields, "no configuration: waiting for the ConfigMap");
        return;
      case "text-invalid":
      case "text-refused":
      case "config-map-absent":
      case "config-key-absent":
      case "in-force-unusable":
        logger.error({ ...fields, why: text }, "the ConfigMap is not what is in force");
    }
  }
}

function userState(store: Store<ConfigMap>, configMap: ConfigMap | undefined): UserConfigMap {
  if (configMap === undefined) {
    return { state: store.isSynced ? "absent" : "unread" };
  }
  const { config: text } = configMap.data;
  return { state: "present", ...(text === undefined ? {} : { text }) };
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
