import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { Family } from "./second-hop-rules.ts";

/** What a Service's healthCheckNodePort tells. */
export interface ServiceHealth {
  readonly namespace: string;
  readonly name: string;
  /** Ready ones, by family. */
  readonly localEndpoints: Readonly<Record<Family, number>>;
}

interface Listening {
  readonly server: Server;
  health: ServiceHealth;
}

/**
 * Answers at the healthCheckNodePorts of `Local` Services, as kube-proxy does: 200 where a ready
 * endpoint of the asker's family is on this node, else 503.
 */
export class HealthPorts {
  readonly #listening = new Map<number, Listening>();
  readonly #onTrouble: (error: unknown) => void;

  constructor(onTrouble: (error: unknown) => void) {
    this.#onTrouble = onTrouble;
  }

  /** Call it once the rules are in the kernel: who asks takes the answer for that. */
  async apply(wanted: ReadonlyMap<number, ServiceHealth>): Promise<void> {
    for (const [port, { server }] of this.#listening) {
      if (!wanted.has(port)) {
        this.#listening.delete(port);
        server.close();
        server.closeAllConnections();
      }
    }
    for (const [port, health] of wanted) {
      const listening = this.#listening.get(port);
      if (listening === undefined) await this.#listen(port, health);
      else listening.health = health;
    }
  }

  async #listen(port: number, health: ServiceHealth): Promise<void> {
    const server = createServer((request, response) => {
      const { namespace, name, localEndpoints } = listening.health;
      const count = localEndpoints[request.socket.localAddress?.includes(".") ? "ip" : "ip6"];
      response.writeHead(count > 0 ? 200 : 503, { "content-type": "application/json" });
      response.end(JSON.stringify({ service: { namespace, name }, localEndpoints: count }));
    });
    const listening: Listening = { server, health };
    // Of both families, or of IPv4 where the kernel has no IPv6.
    server.listen(port);
    try {
      await once(server, "listening");
      this.#listening.set(port, listening);
    } catch (error) {
      this.#onTrouble(error);
    }
  }
}
