import { createHash } from "node:crypto";
import {
  type InForceConfigMap,
  type InForceJudgement,
  type InForceMemory,
  judgeInForce,
  type UserConfigMap,
} from "../../config/in-force.ts";
import type { Config } from "../../config/model.ts";
import { formatFinding } from "../../config/parse.ts";
import type { ConfigMap } from "../../kube/project.ts";
import type { Store } from "../../kube/store.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { ConfigState } from "../state.ts";

export interface ConfigSourceOptions {
  /** Of the ConfigMap `key`, which the user writes; it holds that one at most. */
  readonly userStore: Store<ConfigMap>;
  /** Of `<config>-in-force`, which the leading controller writes. */
  readonly inForceStore: Store<ConfigMap>;
  readonly logger: Logger;
}

/** The configuration that this speaker acts on: it accepts none by itself while one is in force. */
export class ConfigSource {
  readonly #options: ConfigSourceOptions;
  #memory: InForceMemory = {};
  #judgement: InForceJudgement | undefined;
  #sha256: string | undefined;

  constructor(options: ConfigSourceOptions) {
    this.#options = options;
  }

  /** The same object as long as its text is the same; undefined: none is in force. */
  get config(): Config | undefined {
    return this.#judgement?.acting?.config;
  }

  get isStale(): boolean {
    return this.#judgement?.isStale ?? false;
  }

  get state(): ConfigState {
    const judgement = this.#judgement;
    const isInForce = judgement?.reason === "in-force";
    return {
      ...(this.#sha256 === undefined ? {} : { sha256: this.#sha256 }),
      isStale: this.isStale,
      ...(judgement === undefined || isInForce ? {} : { reason: judgement.text }),
    };
  }

  /** Judges again, after one of the two ConfigMaps changed; logs what became of it. */
  update(): void {
    const { userStore, inForceStore } = this.#options;
    const before = this.#judgement;
    const judgement = judgeInForce({
      user: userConfigMap(userStore),
      inForce: inForceConfigMap(inForceStore),
      memory: this.#memory,
      sha256,
    });
    this.#memory = judgement.memory;
    this.#judgement = judgement;
    if (before?.acting !== judgement.acting) {
      this.#takeNew(judgement);
    }
    if (before?.reason !== judgement.reason || before.text !== judgement.text) {
      this.#logReason(judgement);
    }
  }

  #takeNew({ acting }: InForceJudgement): void {
    this.#sha256 = acting && sha256(acting.text);
    if (acting !== undefined) {
      const { peers, pools } = acting.config;
      this.#options.logger.info(
        { sha256: this.#sha256, peers: peers.length, pools: pools.length },
        "configuration in force",
      );
    }
  }

  #logReason({ reason, text, findings }: InForceJudgement): void {
    const { logger } = this.#options;
    switch (reason) {
      case "in-force":
      case "not-read-yet":
        return;
      case "text-not-accepted-yet":
        // Each valid edit is so for a moment. That no controller leads is what status and metrics show.
        logger.info({ reason, cause: text }, "the configuration as written is not in force yet");
        return;
      case "text-invalid":
      case "text-refused":
      case "config-key-absent":
      case "in-force-unusable":
        logger.error(
          { reason, cause: text, findings: findings.map((finding) => formatFinding(finding)) },
          "the configuration as written is not in force",
        );
        return;
      case "no-configuration":
      case "config-map-absent":
        logger.warn({ reason, cause: text }, "the configuration as written is not in force");
    }
  }
}

function userConfigMap(store: Store<ConfigMap>): UserConfigMap {
  const [configMap] = store.entries.values();
  if (configMap === undefined) {
    return { state: store.isSynced ? "absent" : "unread" };
  }
  const { config: text } = configMap.data;
  return { state: "present", ...(text === undefined ? {} : { text }) };
}

function inForceConfigMap(store: Store<ConfigMap>): InForceConfigMap {
  const [configMap] = store.entries.values();
  if (configMap === undefined) {
    return { state: store.isSynced ? "absent" : "unread" };
  }
  const { config, previous, "source-sha256": sourceSha256 } = configMap.data;
  return {
    state: "present",
    content: {
      ...(config === undefined ? {} : { config }),
      ...(previous === undefined ? {} : { previous }),
      ...(sourceSha256 === undefined ? {} : { sourceSha256 }),
    },
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
