import { once } from "node:events";
import { createConnection, createServer } from "node:net";

/**
 * Joins a unix socket, which every network namespace sees, to a TCP address, which only the one
 * that this runs in sees:
 *
 *     node relay-main.ts SOCKET ADDRESS PORT
 */
const [path, host, port] = process.argv.slice(2);
if (path === undefined || host === undefined || port === undefined) {
  throw new Error("usage: relay-main.ts SOCKET ADDRESS PORT");
}
const server = createServer((near) => {
  const far = createConnection({ host, port: Number(port) });
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.on("error", () => undefined);
    one.on("close", () => other.destroy());
  }
  near.pipe(far).pipe(near);
});
server.listen(path);
await once(server, "listening");
