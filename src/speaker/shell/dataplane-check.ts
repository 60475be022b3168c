import type { DataplaneState } from "../../cluster/snapshot.ts";
import type { Address } from "../../net/address.ts";
import { type Clock, sleep } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import {
  type Health,
  type HealthThresholds,
  type HttpAnswer,
  judgeProxyAnswer,
  judgeServiceAnswer,
  takeAnswer,
  unknownHealth,
} from "../dataplane.ts";
import type { Decision } from "../decide.ts";
import type { DataplaneSource } from "../state.ts";
import { Arrivals } from "./arrivals.ts";

export interface DataplaneSettings extends HealthThresholds {
  readonly mode: "warn" | "enforce";
  /** NODE_IP stands for the node's first address. */
  readonly url: string;
}

export interface DataplaneCheckOptions {
  readonly settings: DataplaneSettings;
  readonly nodeAddresses: () => readonly Address[];
  readonly probe: (url: string, timeoutMs: number) => Promise<HttpAnswer | undefined>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A verdict changed, or an announcement waits no more. */
  readonly onChange: () => void;
}

const intervalMs = 2_000;
const timeoutMs = 1_000;
/** Many Services are asked less often: this long after one another at least. */
const stepMs = 50;

/** Asks kube-proxy on this node, again and again, whether it has done its work. */
export class DataplaneCheck {
  readonly #options: DataplaneCheckOptions;
  readonly #services = new Map<string, Health>();
  #ports: ReadonlyMap<string, number> = new Map();
  #node: Health = unknownHealth;
  readonly #arrivals: Arrivals;

  constructor(options: DataplaneCheckOptions) {
    this.#options = options;
    const { nodeAddresses, settings, probe } = options;
    this.#arrivals = new Arrivals({
      ...options,
      nodeAddress: (family) => nodeAddresses().find((address) => address.family === family),
      probe: (address, port) => probe(urlAt(address, servicePattern(port)), timeoutMs),
      isEnforced: settings.mode === "enforce",
    });
  }

  /** Asks until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#askNodeAgain(signal), this.#askServicesAgain(signal)]);
    this.#arrivals.close();
  }

  /** For a snapshot: `familyKey`s of what need not wait to be advertised. */
  get confirmed(): ReadonlySet<string> {
    return this.#arrivals.confirmed;
  }

  /** For a snapshot: what decisions heed; undefined: they heed nothing. */
  get enforced(): DataplaneState | undefined {
    return this.#options.settings.mode === "enforce" ? this.found : undefined;
  }

  get found(): DataplaneState {
    return {
      isNodeUnhealthy: this.#node.verdict === "unhealthy",
      unhealthyServices: new Set(
        [...this.#services].flatMap(([key, { verdict }]) => (verdict === "unhealthy" ? [key] : [])),
      ),
    };
  }

  /** For `/state`. */
  get source(): DataplaneSource {
    return {
      mode: this.#options.settings.mode,
      node: this.#node.verdict,
      unhealthyServices: [...this.found.unhealthyServices].sort(),
    };
  }

  /** Asks what a decision needs to know. What is known of others is forgotten. */
  follow({ healthPorts, arrivals }: Pick<Decision, "healthPorts" | "arrivals">): void {
    this.#ports = healthPorts;
    for (const key of this.#services.keys()) {
      if (!healthPorts.has(key)) {
        this.#services.delete(key);
      }
    }
    this.#arrivals.follow(arrivals);
  }

  async #askNodeAgain(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#options;
    while (!signal.aborted) {
      const before = this.#node;
      this.#node = takeAnswer(before, judgeProxyAnswer(await this.#askNode()), settings);
      this.#tell(before, this.#node, {});
      await sleep(clock, intervalMs, signal);
    }
  }

  /** /healthz fails on a node that is being removed, too, so it is asked only where /livez is not. */
  async #askNode(): Promise<HttpAnswer | undefined> {
    const { settings, probe } = this.#options;
    const url = this.#urlOf(settings.url);
    if (url === undefined) {
      return undefined;
    }
    const answer = await probe(url, timeoutMs);
    return answer?.status === 404 && url.endsWith("/livez")
      ? probe(url.replace(/livez$/, "healthz"), timeoutMs)
      : answer;
  }

  async #askServicesAgain(signal: AbortSignal): Promise<void> {
    const { clock, settings, probe } = this.#options;
    while (!signal.aborted) {
      const startMs = clock.now();
      for (const [key, port] of this.#ports) {
        const url = this.#urlOf(servicePattern(port));
        const answer = url === undefined ? undefined : await probe(url, timeoutMs);
        if (signal.aborted) {
          return;
        }
        if (this.#ports.get(key) === port) {
          const before = this.#services.get(key) ?? unknownHealth;
          const after = takeAnswer(before, judgeServiceAnswer(answer, key), settings);
          this.#services.set(key, after);
          this.#tell(before, after, { service: key });
        }
        await sleep(clock, stepMs, signal);
      }
      await sleep(clock, Math.max(stepMs, intervalMs - (clock.now() - startMs)), signal);
    }
  }

  #urlOf(pattern: string): string | undefined {
    const [address] = this.#options.nodeAddresses();
    return address && urlAt(address, pattern);
  }

  #tell(before: Health, after: Health, fields: object): void {
    if (before.verdict === after.verdict) {
      return;
    }
    const { logger, settings, onChange } = this.#options;
    if (after.verdict === "unhealthy") {
      logger.warn(
        { ...fields, mode: settings.mode },
        "kube-proxy on this node says that it does not deliver",
      );
    } else if (before.verdict === "unhealthy") {
      logger.info({ ...fields, mode: settings.mode }, "kube-proxy on this node delivers again");
    }
    onChange();
  }
}

function servicePattern(port: number): string {
  return `http://NODE_IP:${port}/`;
}

function urlAt(address: Address, pattern: string): string {
  const host = address.family === "ipv6" ? `[${address.text}]` : address.text;
  return pattern.replace("NODE_IP", host);
}
