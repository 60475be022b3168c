import type { ApiClient } from "../../../lab/api-client.ts";
import {
  type Json,
  type JsonObject,
  listAt,
  objectAt,
  parseJson,
  textAt,
} from "../../../lab/kube/json.ts";
import { waitFor } from "../../../lab/wait.ts";
import { ourNamespace } from "./replica.ts";

const limitMs = 120_000;
const configMap = `/api/v1/namespaces/${ourNamespace}/configmaps/config`;

/** Services of one namespace, and what the controller made of them. */
export class Objects {
  readonly #api: ApiClient;
  readonly #namespace: string;

  constructor(api: ApiClient, namespace: string) {
    this.#api = api;
    this.#namespace = namespace;
  }

  /** @param spec beside type and port 80 */
  async create(
    name: string,
    spec: JsonObject = {},
    annotations: Readonly<Record<string, string>> = {},
    labels: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await this.#api.create(this.#path(), {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, annotations, labels },
      spec: {
        type: "LoadBalancer",
        ports: [{ name: "http", port: 80 }],
        selector: { app: name },
        ...spec,
      },
    });
  }

  get(name: string): Promise<JsonObject> {
    return this.#api.get(this.#path(name));
  }

  patch(name: string, body: Json): Promise<JsonObject> {
    return this.#api.patch(this.#path(name), body);
  }

  patchStatus(name: string, status: Json): Promise<JsonObject> {
    return this.#api.patch(`${this.#path(name)}/status`, { status });
  }

  remove(name: string): Promise<void> {
    return this.#api.remove(this.#path(name));
  }

  async all(): Promise<readonly Json[]> {
    return listAt(await this.#api.get(this.#path()), "items");
  }

  async addressOf(name: string): Promise<string> {
    return addressesOf(await this.get(name));
  }

  /** Resolves when the Service has these addresses, joined by commas. */
  async untilAddress(name: string, addresses: string): Promise<JsonObject> {
    return this.until(name, `address ${addresses}`, (one) => addressesOf(one) === addresses);
  }

  /** Resolves with the Service once it is as wanted. */
  until(name: string, what: string, isSo: (service: JsonObject) => boolean): Promise<JsonObject> {
    const look = async () => {
      const service = await this.get(name);
      return isSo(service) ? service : undefined;
    };
    return waitFor(look, { what: `Service ${name}: ${what}`, timeoutMs: limitMs });
  }

  /** The addresses that the Service has had since it was `before`, up to `last`; from the server. */
  async addressesSince(before: JsonObject, last: string): Promise<readonly string[]> {
    const name = textAt(before, "metadata", "name") ?? "";
    const version = textAt(before, "metadata", "resourceVersion") ?? "";
    const query = `watch=true&fieldSelector=metadata.name=${name}&resourceVersion=${version}`;
    const stop = new AbortController();
    const seen = [addressesOf(before)];
    try {
      for await (const line of this.#api.lines(`${this.#path()}?${query}`, stop.signal)) {
        const address = addressesOf(objectAt(parseJson(line), "object"));
        if (address !== seen.at(-1)) seen.push(address);
        if (address === last) break;
      }
    } finally {
      stop.abort();
    }
    return seen;
  }

  /** Resolves when there is an Event about the object `name` whose `Reason: message` is like this. */
  async untilEvent(name: string, like: RegExp, namespace = this.#namespace): Promise<string> {
    const look = async () =>
      (await this.#events(name, namespace))
        .map((event) => `${textAt(event, "reason")}: ${textAt(event, "message")}`)
        .find((event) => like.test(event));
    return waitFor(look, { what: `Event about ${name} like ${like}`, timeoutMs: limitMs });
  }

  /** Of the Events about the Service. */
  async eventReasons(name: string): Promise<readonly string[]> {
    return (await this.#events(name)).map((event) => textAt(event, "reason") ?? "");
  }

  /** Writes the user's ConfigMap. */
  async configure(text: string, annotations: JsonObject = {}): Promise<void> {
    const body = { metadata: { annotations }, data: { config: text } };
    await this.#api.patch(configMap, body);
  }

  /** Resolves when this text is in force. */
  async untilInForce(text: string): Promise<void> {
    const look = async () => {
      const object = await this.#api.get(`${configMap}-in-force`);
      return textAt(object, "data", "config") === text || undefined;
    };
    await waitFor(look, { what: "the configuration is in force", timeoutMs: limitMs });
  }

  async #events(name: string, namespace = this.#namespace): Promise<readonly Json[]> {
    const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=involvedObject.name=${name}`;
    return listAt(await this.#api.get(path), "items");
  }

  #path(name?: string): string {
    const services = `/api/v1/namespaces/${this.#namespace}/services`;
    return name === undefined ? services : `${services}/${name}`;
  }
}

export function addressesOf(service: Json): string {
  return listAt(service, "status", "loadBalancer", "ingress")
    .map((entry) => textAt(entry, "ip") ?? textAt(entry, "hostname") ?? "?")
    .join();
}

/** `True Assigned`; undefined: it has none. */
export function conditionOf(service: Json): string | undefined {
  const found = listAt(service, "status", "conditions").find(
    (condition) => textAt(condition, "type") === "routelb.io/AddressAssigned",
  );
  return found === undefined ? undefined : `${textAt(found, "status")} ${textAt(found, "reason")}`;
}

export function versionOf(service: Json): string {
  return `${textAt(service, "metadata", "name")}@${textAt(service, "metadata", "resourceVersion")}`;
}

export function poolOf(service: Json): string | undefined {
  const annotations = objectAt(service, "metadata", "annotations");
  return textAt(annotations, "routelb.io/ip-allocated-from-pool");
}
