import { createConnection, createServer, type Socket } from "node:net";

/** A TCP port of the host's loopback whose connections go on to a unix socket. */
export interface Relay extends AsyncDisposable {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on 127.0.0.1, on a free port; what waits behind the socket may come and go. */
export async function relayToSocket(path: string): Promise<Relay> {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = createConnection({ path });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP port");
  const close = async (): Promise<void> => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: address.port, close, [Symbol.asyncDispose]: close };
}
