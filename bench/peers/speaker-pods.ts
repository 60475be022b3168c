import type { ApiClient } from "../../lab/api-client.ts";
import { textAt } from "../../lab/kube/json.ts";
import { nodeName } from "../scale/cluster.ts";
import { podName } from "../scale/product.ts";

/**
 * The Pods of a product's DaemonSet, as its controller would make them. The bench is their kubelet:
 * a speaker that is told to end asks whether another follows it.
 */
export class SpeakerPods {
  readonly #api: ApiClient;
  readonly #namespace: string;

  constructor(api: ApiClient, { namespace }: { readonly namespace: string }) {
    this.#api = api;
    this.#namespace = namespace;
  }

  async create(node: number): Promise<void> {
    const daemonSets = `/apis/apps/v1/namespaces/${this.#namespace}/daemonsets`;
    const daemonSet = await this.#api.get(`${daemonSets}/speaker`);
    const name = "speaker";
    const owner = { apiVersion: "apps/v1", kind: "DaemonSet", name, controller: true };
    await this.#api.create(this.#path, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: podName(nodeName(node)),
        namespace: this.#namespace,
        ownerReferences: [{ ...owner, uid: textAt(daemonSet, "metadata", "uid") ?? "" }],
      },
      spec: {
        nodeName: nodeName(node),
        serviceAccountName: name,
        containers: [{ name, image: name }],
      },
    });
  }

  /** Its grace period begins: what a rolling update does first. */
  async beginDelete(node: number): Promise<void> {
    await this.#delete(node, 60);
  }

  async remove(node: number): Promise<void> {
    await this.#delete(node, 0);
  }

  async #delete(node: number, gracePeriodSeconds: number): Promise<void> {
    const path = `${this.#path}/${podName(nodeName(node))}`;
    await this.#api.remove(path, { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds });
  }

  get #path(): string {
    return `/api/v1/namespaces/${this.#namespace}/pods`;
  }
}
