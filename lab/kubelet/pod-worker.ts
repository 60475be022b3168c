import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ApiClient, ApiError } from "../api-client.ts";
import { type JsonObject, objectAt } from "../kube/json.ts";
import type { ApiAccess } from "../kubeconfig.ts";
import { serialPass } from "../serial.ts";
import { Container } from "./container.ts";
import {
  keepToken,
  type TokenOptions,
  writeKubeconfig,
  writeServiceAccount,
  writeToken,
} from "./credentials.ts";
import type { NodeNetwork, PodNetwork } from "./network.ts";
import {
  apiServerEnvironment,
  type ContainerSpec,
  environment,
  expandArgs,
  imageName,
  type Pod,
  podFields,
  readPod,
} from "./pod.ts";
import { statusPatch } from "./pod-status.ts";
import { sandboxed } from "./sandbox.ts";
import type { KubeletSettings } from "./settings.ts";

export interface PodWorkerOptions {
  readonly client: ApiClient;
  /** The kubelet's own. */
  readonly access: ApiAccess;
  readonly network: NodeNetwork;
  readonly settings: KubeletSettings;
  readonly log: (message: string, error?: unknown) => void;
  /** The Pod is gone, here and in the API. */
  readonly onGone: () => void;
}

const retryMs = 1_000;
const podProgram = fileURLToPath(new URL("../pod.ts", import.meta.url));

/**
 * Runs one Pod, from its first sight to its final delete.
 *
 * Level-triggered: each pass compares the newest object with what runs here. Deleting is graceful:
 * SIGTERM, the grace period (in which the Pod may serve on), SIGKILL, then the delete that removes
 * the object.
 */
export class PodWorker {
  readonly #options: PodWorkerOptions;
  /** Asks for a pass. */
  readonly #wake: () => void;
  readonly #stopped = new AbortController();
  #object: JsonObject;
  #isRemoved = false;
  #isLeaving = false;
  #containers: readonly Container[] | undefined;
  #network: PodNetwork | undefined;
  #startTime = "";
  #startError: string | undefined;
  #token: TokenOptions | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(object: JsonObject, options: PodWorkerOptions) {
    this.#object = object;
    this.#options = options;
    this.#wake = serialPass(
      () => this.#pass(),
      (error) => {
        options.log(`pod ${readPod(this.#object).name}`, error);
        setTimeout(this.#wake, retryMs);
      },
    );
    this.#wake();
  }

  /** Containers whose process runs. */
  get running(): readonly Container[] {
    return (this.#containers ?? []).filter((container) => container.running);
  }

  /** Hands over the newest object of the same Pod. */
  update(object: JsonObject): void {
    this.#object = object;
    this.#wake();
  }

  /** Gives the Pod a new token now, long before the old one's time is over. */
  async renewToken(): Promise<void> {
    if (this.#token !== undefined) await writeToken(this.#token);
  }

  /** The object is gone from the API: whatever runs is killed. */
  remove(): void {
    this.#isRemoved = true;
    this.#wake();
  }

  /** The node goes down: the Pod is not ready any more, and what ends is not started again. */
  leave(): void {
    this.#isLeaving = true;
    for (const container of this.#containers ?? []) container.leave();
    this.#wake();
  }

  async #pass(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    const { deletionGraceSeconds } = readPod(this.#object);
    const isEnding = this.#isRemoved || deletionGraceSeconds !== undefined;
    if (this.#isRemoved) for (const container of this.#containers ?? []) container.kill();
    else if (deletionGraceSeconds !== undefined) this.#terminate(deletionGraceSeconds);
    else if (this.#containers === undefined) await this.#start();
    if (isEnding && this.running.length === 0) await this.#finish();
    else if (this.#containers !== undefined && !this.#isRemoved) await this.#writeStatus();
  }

  async #start(): Promise<void> {
    const { settings, network } = this.#options;
    const pod = readPod(this.#object);
    this.#startTime = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    if (!pod.hostNetwork) this.#network ??= await network.allocate(pod.name);
    const address = this.#network?.address ?? settings.address;
    const env = await this.#prepareAccess();
    const fields = podFields(pod, settings.nodeName, settings.address, address);
    try {
      this.#startError = undefined;
      this.#containers = pod.containers.map((spec) => {
        const own = { ...env, ...environment(spec, fields) };
        return new Container({
          spec,
          command: this.#command(spec, own),
          env: { ...own, POD_NAME: pod.name, NODE_NAME: settings.nodeName },
          namespace: this.#network?.namespace ?? settings.namespace,
          address,
          logFile: join(settings.directory, "logs", `${pod.name}_${spec.name}.log`),
          onChange: this.#wake,
        });
      });
      for (const container of this.#containers) await container.start();
    } catch (error) {
      this.#startError = error instanceof Error ? error.message : String(error);
      this.#containers = [];
    }
  }

  /** The Pod's own, or the node's. */
  #addresses(): readonly string[] {
    const { address, ipv6 } = this.#options.settings;
    const { address: first, ipv6: second } = this.#network ?? { address, ipv6: ipv6?.address };
    return second === undefined ? [first] : [first, second];
  }

  #command(spec: ContainerSpec, env: Readonly<Record<string, string>>): readonly string[] {
    const node = process.execPath;
    if (imageName(spec.image) === "nginx") return [node, podProgram, String(spec.port ?? 80)];
    const program = this.#programOf(spec);
    if (program === undefined) {
      const names = ["nginx", "routelb", ...Object.keys(this.#options.settings.images)];
      throw new Error(`the lab has the images ${names.join(", ")}, not ${spec.image}`);
    }
    const args = expandArgs(spec.args, env);
    if (!this.#options.settings.serviceAccountTokens) return [node, program, ...args];
    return sandboxed({ runFolder: this.#runFolder(readPod(this.#object)) }, program, args);
  }

  /** The executable of a container that speaks with the API server. */
  #programOf({ image }: ContainerSpec): string | undefined {
    const { images, program } = this.#options.settings;
    return images[image] ?? (imageName(image) === "routelb" ? program : undefined);
  }

  /** What a Pod of a program that knows the API server needs to reach it. */
  async #prepareAccess(): Promise<Readonly<Record<string, string>>> {
    const { settings, access, client, log } = this.#options;
    const pod = readPod(this.#object);
    if (pod.containers.every((spec) => this.#programOf(spec) === undefined)) return {};
    if (!settings.serviceAccountTokens) {
      const file = join(settings.directory, "credentials", `${pod.name}.kubeconfig`);
      await writeKubeconfig(file, access);
      return { ROUTELB_KUBECONFIG: file };
    }
    const { certificateAuthority } = access;
    const token: TokenOptions = {
      client,
      namespace: pod.namespace,
      serviceAccount: pod.serviceAccount,
      pod: { name: pod.name, uid: pod.uid },
      folder: join(this.#runFolder(pod), "secrets/kubernetes.io/serviceaccount"),
      ...(certificateAuthority !== undefined && { certificateAuthority }),
    };
    await writeServiceAccount(token);
    if (this.#token === undefined) void keepToken(token, this.#stopped.signal, log);
    this.#token = token;
    return apiServerEnvironment(await client.get("/api/v1/namespaces/default/services/kubernetes"));
  }

  /** What the containers of this Pod have as /run. */
  #runFolder(pod: Pod): string {
    return join(this.#options.settings.directory, "run", pod.uid);
  }

  #terminate(graceSeconds: number): void {
    if (this.#deadline !== undefined) return;
    for (const container of this.#containers ?? []) container.terminate();
    this.#deadline = setTimeout(() => {
      for (const container of this.#containers ?? []) container.kill();
      this.#wake();
    }, graceSeconds * 1000);
  }

  async #finish(): Promise<void> {
    const { client, network, onGone } = this.#options;
    const { namespace, name, uid } = readPod(this.#object);
    clearTimeout(this.#deadline);
    if (!this.#isRemoved) {
      await client.remove(`/api/v1/namespaces/${namespace}/pods/${name}`, {
        apiVersion: "v1",
        kind: "DeleteOptions",
        gracePeriodSeconds: 0,
        preconditions: { uid },
      });
    }
    if (this.#network !== undefined) await network.release(this.#network);
    this.#stopped.abort();
    onGone();
  }

  async #writeStatus(): Promise<void> {
    const { client, settings } = this.#options;
    const pod = readPod(this.#object);
    const state = {
      pod,
      containers: this.#containers ?? [],
      podIps: this.#addresses(),
      hostIp: settings.address,
      startTime: this.#startTime,
      startError: this.#startError,
      isLeaving: this.#isLeaving,
    };
    const status = statusPatch(state, objectAt(this.#object, "status"));
    if (status === undefined) return;
    const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/status`;
    try {
      const written = await client.patch(
        path,
        { metadata: { uid: pod.uid }, status },
        "strategic-merge",
      );
      this.#object = written;
    } catch (error) {
      if (!(error instanceof ApiError && [404, 409].includes(error.status))) throw error;
    }
  }
}
