import type { Node } from "../../cluster/node.ts";
import type { LoadBalancerClass } from "../../cluster/service.ts";
import type { SpeakerSnapshot } from "../../cluster/snapshot.ts";
import type { Config } from "../../config/model.ts";
import type { EventNote } from "../../kube/event-note.ts";
import type { Address } from "../../net/address.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { type Decision, decideRoutes } from "../decide.ts";
import { keepRoutes } from "../kept-routes.ts";
import type { DecisionPeer } from "../peer-groups.ts";
import {
  needsDefaultGateways,
  type PlanSources,
  planSessions,
  type SessionPlan,
} from "../peers.ts";
import { type Question, Redecider } from "../redecide.ts";
import type { ChangeLog } from "./change-log.ts";
import type { ClusterReads } from "./cluster-reads.ts";
import { DataplaneCheck, type DataplaneSettings } from "./dataplane-check.ts";
import { probeHttp } from "./http-probe.ts";
import { type DepartureSettings, Leaving } from "./leaving.ts";
import type { SpeakerMetrics } from "./metrics.ts";
import { Preparation } from "./preparation.ts";
import { SentWeights } from "./sent-weights.ts";
import type { SpeakerStores } from "./stores.ts";
import { type Basis, WithdrawalGuard } from "./withdrawal-guard.ts";

export interface DeciderSettings extends DepartureSettings {
  readonly loadBalancerClass: LoadBalancerClass;
  /** Of the withdrawal guard, 0 to 1; absent: off. */
  readonly withdrawShare?: number;
  /** Absent: off. */
  readonly dataplane?: DataplaneSettings;
}

export interface DeciderPorts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: SpeakerMetrics;
  readonly recordEvent: (note: EventNote) => void;
  /** Of this host's routing table, as it is now. */
  readonly defaultGateways: () => readonly Address[];
  readonly reads: ClusterReads;
}

export interface DeciderOptions {
  readonly settings: DeciderSettings;
  readonly ports: DeciderPorts;
  readonly stores: SpeakerStores;
  readonly changes: ChangeLog;
  /** In force; undefined: none is. */
  readonly config: () => Config | undefined;
  readonly node: () => Node | undefined;
  /** Another decision is due. */
  readonly onChange: () => void;
}

/** How long a piece of the first decision may keep the event loop to itself, or a little longer. */
const sliceMs = 10;
/** So many Services are looked at before the clock is. */
const pieceServices = 128;

/** Makes the snapshots of this speaker, with the times in them, and the decisions of them. */
export class Decider {
  readonly leaving: Leaving;
  /** Absent: kube-proxy is not asked. */
  readonly dataplane: DataplaneCheck | undefined;
  readonly #options: DeciderOptions;
  readonly #guard: WithdrawalGuard;
  readonly #weights: SentWeights;
  readonly #redecider = new Redecider();
  #last: Decision | undefined;
  /** Keys of the Services that the first decision is yet to look at. */
  #waiting: string[] | undefined;
  /** The last decision counted objects that are missing in a new list. */
  #hadMissing = false;
  /** The configuration that decisions can be made of in a short time. */
  #prepared: Config | undefined;
  #preparation: { readonly config: Config; readonly work: Preparation } | undefined;

  constructor(options: DeciderOptions) {
    const { settings, ports, onChange } = options;
    this.#options = options;
    this.leaving = new Leaving({ ...ports, settings, config: options.config, onChange });
    this.dataplane =
      settings.dataplane &&
      new DataplaneCheck({
        ...ports,
        settings: settings.dataplane,
        nodeAddresses: () => options.node()?.internalAddresses ?? [],
        probe: probeHttp,
        onChange,
      });
    this.#weights = new SentWeights({ clock: ports.clock, onChange });
    this.#guard = new WithdrawalGuard({
      ...ports,
      ...(settings.withdrawShare === undefined ? {} : { share: settings.withdrawShare }),
      stores: options.stores,
      node: options.node,
      onHeld: (withdrawn) => ports.metrics.heldWithdrawals.set({}, withdrawn),
      onChange,
    });
  }

  /** What was last carried out. */
  get last(): Decision | undefined {
    return this.#last;
  }

  /**
   * Whether a new configuration, and missing objects, count yet; undefined: it takes some more turns
   * of the event loop to be able to decide at all. `onChange` is called then, too.
   */
  chooseBasis(config: Config, node: Node): Basis | undefined {
    const prepared = this.#prepare(config) ? config : this.#prepared;
    this.#prepared = prepared;
    return (
      prepared &&
      this.#guard.choose(prepared, this.#last?.routes, (basis) => {
        const plan = this.#planIfSecretsAreRead(basis.kept ?? basis.config, node);
        const { asked, kept } = this.#questions(basis, node, plan);
        const decide = ({ snapshot, peers }: Question) => decideRoutes(snapshot, peers);
        return (kept === undefined ? decide(asked) : keepRoutes(decide(asked), decide(kept)))
          .routes;
      })
    );
  }

  /** A Secret that is yet to be read is no reason for a route to be missed. */
  #planIfSecretsAreRead(config: Config, node: Node): SessionPlan {
    return this.plan(config, node, () => ({ state: "present", text: "" }));
  }

  /** Until it is done, decisions go on with the configuration before. */
  #prepare(config: Config): boolean {
    // The first decision is made in pieces, too, and so needs nothing beforehand.
    if (this.#prepared === config || this.#last === undefined) {
      return true;
    }
    const { ports, stores, settings, onChange } = this.#options;
    if (this.#preparation?.config !== config) {
      const work = new Preparation({
        config,
        loadBalancerClass: settings.loadBalancerClass,
        services: stores.servicesByKey(false),
        endpointSlices: stores.slicesByService(false),
      });
      this.#preparation = { config, work };
    }
    const isDone = this.#preparation.work.run(ports.clock);
    if (isDone) {
      this.#preparation = undefined;
    } else {
      onChange();
    }
    return isDone;
  }

  plan(config: Config, node: Node, secret: PlanSources["secret"]): SessionPlan {
    const { defaultGateways } = this.#options.ports;
    return planSessions(config, node, {
      defaultGateways: needsDefaultGateways(config) ? defaultGateways() : [],
      secret,
    });
  }

  /**
   * Decides, and hands the routes to `carryOut`; not yet where the first decision still lacks
   * something, and then `onChange` is called when it is there. `plan` is that of `basis.kept` where
   * something is kept.
   */
  decide(
    basis: Basis,
    node: Node,
    plan: SessionPlan,
    carryOut: (routes: Decision["routes"]) => void,
  ): void {
    const { changes } = this.#options;
    const { metrics, clock } = this.#options.ports;
    const startedMs = clock.now();
    const { asked, kept } = this.#questions(basis, node, plan);
    const { snapshot, peers } = asked;
    if (this.#last === undefined && !this.#prepareFirst(snapshot, peers)) {
      this.#options.onChange();
      return;
    }
    const changed = this.#options.stores.takeChanged();
    const { decision, diff } = this.#redecider.decide(
      snapshot,
      peers,
      basis.withMissing || this.#hadMissing ? "anything" : changed,
      kept,
    );
    this.#hadMissing = basis.withMissing;
    const seconds = (clock.now() - startedMs) / 1000;
    if (!this.leaving.follow(snapshot, decision, this.#last === undefined)) {
      this.#redecider.forget();
      this.#waiting = undefined;
      return;
    }
    carryOut(decision.routes);
    this.#weights.follow(decision.weights, snapshot.nowMs);
    this.dataplane?.follow(decision);
    metrics.showDataplane(this.dataplane?.found);
    this.#last = decision;
    metrics.showDecision(decision, diff, seconds);
    changes.showAdvertised(diff);
  }

  /** Does one piece of the first decision; true: all is done. A drain is decided about in one. */
  #prepareFirst(snapshot: SpeakerSnapshot, peers: readonly DecisionPeer[]): boolean {
    const { stores, ports } = this.#options;
    if (snapshot.drain !== undefined) {
      return true;
    }
    if (this.#waiting === undefined) {
      stores.takeChanged();
      this.#waiting = [...snapshot.services.keys()];
    }
    const deadlineMs = ports.clock.now() + sliceMs;
    while (this.#waiting.length > 0 && ports.clock.now() < deadlineMs) {
      if (!this.#redecider.prepare(snapshot, peers, this.#waiting.splice(-pieceServices))) {
        this.#waiting = undefined;
        return false;
      }
    }
    return this.#waiting.length === 0;
  }

  /** Reads and follows nothing any more. */
  async close(): Promise<void> {
    this.#guard.close();
    this.#weights.close();
    await this.leaving.close();
  }

  /** What is to be decided for `basis` over the sessions of `plan`. */
  #questions(
    basis: Basis,
    node: Node,
    plan: SessionPlan,
  ): { readonly asked: Question; readonly kept?: Question } {
    const snapshot = this.#snapshot(basis, node);
    const peers = this.#peersOf(plan);
    if (basis.kept === undefined) {
      return { asked: { snapshot, peers } };
    }
    // What is kept waits for nothing; a session that the new configuration does not ask for gets
    // nothing of it.
    const { arrivals: _, ...keptSnapshot } = snapshot;
    const planned = new Set(peers.map(({ name }) => name));
    const wanted = this.#peersOf(this.#planIfSecretsAreRead(basis.config, node));
    return {
      asked: { snapshot, peers: wanted.filter(({ name }) => planned.has(name)) },
      kept: { snapshot: { ...keptSnapshot, config: basis.kept }, peers },
    };
  }

  #peersOf(plan: SessionPlan): readonly DecisionPeer[] {
    return plan.sessions.map(({ entryName, peer: { name } }) => {
      return { name, entryName, isLeaving: this.leaving.isSessionLeaving(name) };
    });
  }

  #snapshot({ config, withMissing }: Basis, node: Node): SpeakerSnapshot {
    const { stores, settings } = this.#options;
    const { loadBalancerClass, ignoreExcludeLabel } = settings;
    const dataplane = this.dataplane?.enforced;
    const last = this.#last;
    const confirmed = this.dataplane?.confirmed;
    return {
      config,
      loadBalancerClass,
      services: stores.servicesByKey(withMissing),
      endpointSlices: stores.slicesByService(withMissing),
      node,
      ignoreExcludeLabel,
      ...this.leaving.take(node, this.#last === undefined),
      weights: this.#weights.known,
      ...(dataplane === undefined ? {} : { dataplane }),
      // What is found at the start was there before this speaker, and so were kube-proxy's rules.
      ...(last && confirmed
        ? { arrivals: { advertised: last.advertised, routes: last.routes, confirmed } }
        : {}),
    };
  }
}
