/**
 * Runs BFD as the speaker does, for tests in namespaces: takes the sessions as JSON in its first
 * argument and prints each change of state as a JSON line.
 */
import { BfdMonitor } from "../../src/bfd/monitor.ts";
import type { BfdPeer } from "../../src/bfd/ports.ts";
import { parseAddress } from "../../src/net/address.ts";

function address(text: unknown): BfdPeer["localAddress"] {
  const parsed = parseAddress(String(text));
  if (parsed === undefined) {
    throw new Error(`no address: ${String(text)}`);
  }
  return parsed;
}

const monitor = new BfdMonitor({
  workerUrl: new URL("../../src/bfd/worker.ts", import.meta.url),
  onChange: (change) => console.log(JSON.stringify({ ...change, atMs: Date.now() })),
  onFailure: (key, message) => console.log(JSON.stringify({ key, failure: message })),
  onDeath: (error) => {
    throw error;
  },
});
const peers: BfdPeer[] = JSON.parse(process.argv[2] ?? "[]").map(
  (peer: Record<string, unknown>) => ({
    ...peer,
    localAddress: address(peer["localAddress"]),
    remoteAddress: address(peer["remoteAddress"]),
  }),
);
monitor.setPeers(peers);
process.on("SIGUSR1", () => {
  for (const peer of peers) {
    monitor.adminDown(peer.key);
  }
});
setInterval(() => undefined, 60_000);
