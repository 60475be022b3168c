import { isDeepStrictEqual } from "node:util";
import type { Service } from "../../cluster/service.ts";
import { poolAnnotation } from "../outcome.ts";

/** Whether two states of a Service differ in nothing but what we write, and what comes of that. */
export function isSameButForStatus(a: Service, b: Service): boolean {
  return a === b || isDeepStrictEqual(withoutStatus(a), withoutStatus(b));
}

function withoutStatus(service: Service): object {
  const { [poolAnnotation]: _, ...annotations } = service.annotations;
  const nothing = { resourceVersion: "", ingress: [], conditions: [], ingressManager: "" };
  return { ...service, ...nothing, annotations };
}
