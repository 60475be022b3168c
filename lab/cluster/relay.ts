import { createConnection, createServer } from "node:net";

/**
 * Joins a unix socket, which every network namespace sees, to a TCP address of the namespace that
 * this program runs in:
 *
 *     node relay.ts SOCKET ADDRESS PORT
 */
const [socket, address, port] = process.argv.slice(2);
if (socket === undefined || address === undefined || port === undefined) {
  throw new Error("usage: relay.ts SOCKET ADDRESS PORT");
}
createServer((near) => {
  const far = createConnection({ host: address, port: Number(port) });
  near.on("error", () => far.destroy());
  far.on("error", () => near.destroy());
  near.on("close", () => far.destroy());
  far.on("close", () => near.destroy());
  near.pipe(far).pipe(near);
}).listen(socket);
