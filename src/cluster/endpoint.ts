/** What decisions need of one EndpointSlice: its endpoints, each with where it is and how it does. */
export interface EndpointSlice {
  /** `namespace/name` of the slice. */
  readonly key: string;
  /** `namespace/name` of the Service it belongs to (label kubernetes.io/service-name). */
  readonly serviceKey: string;
  readonly family: "ipv4" | "ipv6";
  readonly endpoints: readonly Endpoint[];
}

export interface Endpoint {
  /** The first of its addresses: it identifies the endpoint among several slices and ports. */
  readonly address: string;
  readonly nodeName?: string;
  /** conditions.ready; unset counts as true. */
  readonly ready: boolean;
  /** conditions.serving; unset counts as `ready`. */
  readonly serving: boolean;
  /** conditions.terminating; unset counts as false. */
  readonly terminating: boolean;
}
