import { mkdir } from "node:fs/promises";
import { Instance } from "../../lab/instance.ts";
import { configure, connect, createNamespaces } from "../../lab/namespaces.ts";

export const senderAddress = "172.16.7.11";
export const routerAddress = "172.16.7.1";
export const senderAsn = 64522;
export const routerAsn = 64512;
export const holdTimeSeconds = 90;

/** Where a daemon runs, and where its files lie. */
export interface Place {
  readonly namespace: string;
  readonly directory: string;
}

/** One namespace for the sender and one for the router, on one link. */
export class Link implements AsyncDisposable {
  readonly #instance: Instance;
  readonly sender: string;
  readonly router: string;
  #places = 0;

  private constructor(instance: Instance) {
    this.#instance = instance;
    this.sender = instance.namespace("sender");
    this.router = instance.namespace("router");
  }

  static async open(): Promise<Link> {
    const link = new Link(await Instance.open("benchbgp"));
    const { sender, router } = link;
    await createNamespaces([sender, router]);
    await connect([
      { from: { namespace: sender, device: "eth0" }, to: { namespace: router, device: "eth0" } },
    ]);
    await configure(router, [`addr add ${routerAddress}/24 dev eth0`, "link set eth0 up"]);
    await configure(sender, [`addr add ${senderAddress}/24 dev eth0`, "link set eth0 up"]);
    return link;
  }

  /** A place with an empty directory. */
  async place(namespace: string): Promise<Place> {
    this.#places += 1;
    const directory = this.#instance.path(`place${this.#places}`);
    await mkdir(directory, { mode: 0o755 });
    return { namespace, directory };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#instance[Symbol.asyncDispose]();
  }
}
