import type { Service } from "../cluster/service.ts";

const nothing = [] as const;

/**
 * Of a Service, what decides where its addresses are advertised. The rest is for the controller: a
 * speaker that holds thousands of Services keeps none of it, and a change of it is no change here.
 */
export function essentialsOf({
  key,
  namespace,
  name,
  creationSeconds,
  deleting,
  labels,
  annotations,
  type,
  loadBalancerClass,
  ipFamilyPolicy,
  externalTrafficPolicy,
  healthCheckNodePort,
  ingress,
}: Service): Service {
  return {
    key,
    namespace,
    name,
    uid: "",
    resourceVersion: "",
    creationSeconds,
    deleting,
    labels,
    annotations,
    type,
    ...(loadBalancerClass === undefined ? {} : { loadBalancerClass }),
    clusterIPs: nothing,
    ipFamilies: nothing,
    ipFamilyPolicy,
    externalTrafficPolicy,
    ...(healthCheckNodePort === undefined ? {} : { healthCheckNodePort }),
    ports: nothing,
    selectorText: "",
    ingress,
    conditions: nothing,
  };
}
