import { startRelay } from "./relay.ts";

/** `node relay-main.ts SOCKET ADDRESS PORT`, in the namespace that has the address. */
const [path, host, port] = process.argv.slice(2);
if (path === undefined || host === undefined || port === undefined) {
  throw new Error("usage: relay-main.ts SOCKET ADDRESS PORT");
}
await startRelay({ path }, { host, port: Number(port) });
