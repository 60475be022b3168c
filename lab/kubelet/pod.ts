import { at, type Json, type JsonObject, listAt, numberAt, textAt, textsAt } from "../kube/json.ts";

/** What the kubelet reads of a Pod. */
export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly serviceAccount: string;
  readonly hostNetwork: boolean;
  readonly containers: readonly ContainerSpec[];
  /** Set once the Pod is being deleted: how long it may serve on. */
  readonly deletionGraceSeconds: number | undefined;
}

export interface ContainerSpec {
  readonly name: string;
  /** As written: `registry/name:tag`. */
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly Json[];
  readonly port: number | undefined;
  readonly readiness: ReadinessProbe | undefined;
}

export interface ReadinessProbe {
  readonly path: string;
  readonly port: number;
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

export function readPod(object: JsonObject): Pod {
  const isDeleting = textAt(object, "metadata", "deletionTimestamp") !== undefined;
  return {
    namespace: textAt(object, "metadata", "namespace") ?? "",
    name: textAt(object, "metadata", "name") ?? "",
    uid: textAt(object, "metadata", "uid") ?? "",
    serviceAccount: textAt(object, "spec", "serviceAccountName") ?? "default",
    hostNetwork: at(object, "spec", "hostNetwork") === true,
    containers: listAt(object, "spec", "containers").map(readContainer),
    deletionGraceSeconds: isDeleting
      ? (numberAt(object, "metadata", "deletionGracePeriodSeconds") ?? 30)
      : undefined,
  };
}

/** The last part of an image's name, without registry, tag and digest. */
export function imageName(image: string): string {
  const last = image.slice(image.lastIndexOf("/") + 1);
  return last.split(/[:@]/)[0] ?? last;
}

/** Values that a Pod's environment may refer to (`fieldRef`). */
export type Fields = Readonly<Record<string, string>>;

export function podFields(pod: Pod, nodeName: string, hostIp: string, podIp: string): Fields {
  return {
    "metadata.name": pod.name,
    "metadata.namespace": pod.namespace,
    "metadata.uid": pod.uid,
    "spec.nodeName": nodeName,
    "spec.serviceAccountName": pod.serviceAccount,
    "status.hostIP": hostIp,
    "status.podIP": podIp,
  };
}

/** A container's environment: `value` and `fieldRef` entries; the others are left out. */
export function environment(spec: ContainerSpec, fields: Fields): Readonly<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const entry of spec.env) {
    const name = textAt(entry, "name");
    const field = textAt(entry, "valueFrom", "fieldRef", "fieldPath");
    const value = field === undefined ? textAt(entry, "value") : fields[field];
    if (name !== undefined && value !== undefined) result[name] = value;
  }
  return result;
}

/** A container's arguments, with `$(NAME)` replaced where the environment has NAME. */
export function expandArgs(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): readonly string[] {
  return args.map((arg) =>
    arg.replace(/\$\(([^)]+)\)/g, (text, name: string) => env[name] ?? text),
  );
}

/** How every container of a cluster is told where its API server is: the Service `kubernetes`. */
export function apiServerEnvironment(service: JsonObject): Readonly<Record<string, string>> {
  return {
    KUBERNETES_SERVICE_HOST: textAt(service, "spec", "clusterIP") ?? "",
    KUBERNETES_SERVICE_PORT: String(numberAt(listAt(service, "spec", "ports")[0], "port") ?? 443),
  };
}

function readContainer(container: Json): ContainerSpec {
  return {
    name: textAt(container, "name") ?? "",
    image: textAt(container, "image") ?? "",
    args: textsAt(container, "args"),
    env: listAt(container, "env"),
    port: numberAt(listAt(container, "ports")[0], "containerPort"),
    readiness: readReadiness(container),
  };
}

function readReadiness(container: Json): ReadinessProbe | undefined {
  const probe = at(container, "readinessProbe");
  if (at(probe, "httpGet") === undefined) return undefined;
  const port = at(probe, "httpGet", "port");
  return {
    path: textAt(probe, "httpGet", "path") ?? "/",
    port: typeof port === "number" ? port : namedPort(container, port),
    periodSeconds: numberAt(probe, "periodSeconds") ?? 10,
    timeoutSeconds: numberAt(probe, "timeoutSeconds") ?? 1,
    failureThreshold: numberAt(probe, "failureThreshold") ?? 3,
  };
}

function namedPort(container: Json, name: Json | undefined): number {
  const port = listAt(container, "ports").find((one) => textAt(one, "name") === name);
  return numberAt(port, "containerPort") ?? 0;
}
