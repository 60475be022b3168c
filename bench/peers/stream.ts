import { join } from "node:path";
import {
  addAddress,
  configure,
  connect,
  createNamespaces,
  setSysctls,
} from "../../lab/namespaces.ts";
import { failed, Probe } from "../../lab/probe.ts";
import { LabProcess } from "../../lab/processes.ts";
import { pause } from "../../lab/wait.ts";
import { nodeName, pools, type ScaleCluster } from "../scale/cluster.ts";

const routerAddress = "10.202.0.1";
const clientAddress = "10.202.0.2";
const server = join(import.meta.dirname, "../../lab/pod.ts");
const beforeMs = 2_000;
/** A router that keeps stale routes gives them up when the speaker has said that it is done. */
const afterMs = 5_000;

/** What became of the requests across an event. */
export interface Requests {
  readonly sent: number;
  readonly lost: number;
}

/**
 * A client behind the router that asks Services, each time on a new connection. Each node answers for
 * every address of the pools by itself, with no kube-proxy: what is lost, the routes lost.
 */
export class RequestStream {
  readonly #cluster: ScaleCluster;
  #probes = 0;

  private constructor(cluster: ScaleCluster) {
    this.#cluster = cluster;
  }

  /** Builds the client, and a server on each of `nodes`. Once for each cluster. */
  static async start(cluster: ScaleCluster, nodes: readonly number[]): Promise<RequestStream> {
    const [client, router] = [cluster.namespace("client"), cluster.namespace("router")];
    await createNamespaces([client]);
    await connect([
      { from: { namespace: client, device: "eth0" }, to: { namespace: router, device: "client" } },
    ]);
    await configure(router, [addAddress(routerAddress, "client"), "link set client up"]);
    await configure(client, [
      addAddress(clientAddress, "eth0"),
      "link set eth0 up",
      `route add default via ${routerAddress}`,
    ]);
    // Balance connections, not clients: from one client all would go one way otherwise.
    await setSysctls(router, { "net.ipv4.fib_multipath_hash_policy": 1 });
    for (const name of nodes.map(nodeName)) {
      const namespace = cluster.namespace(name);
      await configure(
        namespace,
        Object.values(pools).map((pool) => `route add local ${pool} dev lo`),
      );
      await LabProcess.start({
        name: `server on ${name}`,
        namespace,
        command: [process.execPath, server, "80"],
        logFile: cluster.path("servers", `${name}.log`),
      });
    }
    return new RequestStream(cluster);
  }

  /** Asks `address` while `event` happens, and shortly before and after it. */
  async during(address: string, event: () => Promise<void>): Promise<Requests> {
    this.#probes += 1;
    const probe = await Probe.start({
      namespace: this.#cluster.namespace("client"),
      url: `http://${address}/`,
      logFile: this.#cluster.path("probes", `${this.#probes}.log`),
      firstPort: 1_024,
      concurrency: 4,
      intervalMs: 20,
    });
    try {
      await pause(beforeMs);
      await event();
      await pause(afterMs);
    } catch (error) {
      await probe.finish();
      throw error;
    }
    const results = await probe.finish();
    return { sent: results.length, lost: failed(results).length };
  }
}
