import type { DataplaneState } from "../cluster/snapshot.ts";
import type { PoolClaim } from "./standing.ts";
import { withheldAddress } from "./withheld.ts";

/** What kube-proxy on this node says, applied to the claims of one decision. */
export class DataplaneGate {
  /**
   * By key of the Service, the healthCheckNodePorts that tell whether kube-proxy knows of its
   * endpoints here. A Service of which an endpoint here terminates is left out: kube-proxy fails the
   * port then by design.
   */
  readonly ports = new Map<string, number>();
  readonly #state: DataplaneState | undefined;

  /** Without `state` every claim passes. */
  constructor(state: DataplaneState | undefined) {
    this.#state = state;
  }

  /**
   * The claim as it now counts. Its reach stays as it is: Services that share a `Local` address are
   * judged by their endpoints alone, so that one that kube-proxy fails takes no route from the others.
   */
  settle(claim: PoolClaim): PoolClaim {
    if (claim.own !== undefined) {
      return claim;
    }
    const { service, candidate, slices } = claim;
    const { key, healthCheckNodePort, externalTrafficPolicy } = service;
    const isEnding = slices.some(({ local }) => local.some(({ ready }) => !ready));
    if (externalTrafficPolicy === "Local" && healthCheckNodePort !== undefined && !isEnding) {
      this.ports.set(key, healthCheckNodePort);
    }
    if (this.#state?.isNodeUnhealthy === true) {
      return { ...claim, own: withheldAddress.dataplaneUnhealthy(candidate.text) };
    }
    return this.ports.has(key) && this.#state?.unhealthyServices.has(key) === true
      ? { ...claim, own: withheldAddress.healthPortUnhealthy(candidate.text) }
      : claim;
  }
}
