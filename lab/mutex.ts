import { createServer, type Server } from "node:net";
import { pause } from "./wait.ts";

/**
 * Runs `action` while no other process of this machine runs one under the same name.
 *
 * The lock is a socket in Linux' abstract namespace: the kernel frees it with the process, so that
 * a crash leaves nothing to break open.
 */
export async function exclusively<T>(name: string, action: () => Promise<T>): Promise<T> {
  const server = await acquire(`\0routelb-${name}`);
  try {
    return await action();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

async function acquire(path: string): Promise<Server> {
  for (;;) {
    const server = await listen(path);
    if (server !== undefined) return server;
    await pause(50);
  }
}

function listen(path: string): Promise<Server | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Server | undefined>();
  const server = createServer((socket) => socket.destroy());
  server.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE") resolve(undefined);
    else reject(error);
  });
  server.listen({ path }, () => resolve(server));
  return promise;
}
