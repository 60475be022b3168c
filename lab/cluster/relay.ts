import { once } from "node:events";
import { createConnection, createServer, type NetConnectOpts, type Server } from "node:net";

/**
 * Joins every connection to `near` with a new one to `far`: between a unix socket, which every
 * network namespace sees, and a TCP address, which only its own sees. Resolves when it listens.
 */
export async function startRelay(
  near: { readonly path: string } | { readonly host: string; readonly port: number },
  far: NetConnectOpts,
): Promise<Server> {
  const server = createServer((incoming) => {
    const outgoing = createConnection(far);
    incoming.on("error", () => outgoing.destroy());
    outgoing.on("error", () => incoming.destroy());
    incoming.on("close", () => outgoing.destroy());
    outgoing.on("close", () => incoming.destroy());
    incoming.pipe(outgoing).pipe(incoming);
  });
  server.listen(near);
  await once(server, "listening");
  return server;
}
