import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection } from "node:net";
import { test } from "node:test";
import { BgpListener } from "../../../src/bgp/session/listener.ts";
import type { ConnectionListener, IncomingTcp } from "../../../src/bgp/session/transport.ts";
import { recordingLogger } from "../../support/recording-logger.ts";

test("a connection goes to the session of its address, the others get Connection Rejected", async () => {
  const taken = Promise.withResolvers<string>();
  const listener: ConnectionListener = {
    connected: () => assert.fail("it is connected already"),
    received: (octets) => taken.resolve(Buffer.from(octets).toString()),
    drained: () => {},
    closed: () => {},
  };
  const accept = (incoming: IncomingTcp) => {
    incoming.attach(listener);
    return undefined;
  };
  await using server = await BgpListener.start({
    port: 0,
    logger: recordingLogger(),
    acceptorFor: ({ text }) => (text === "127.0.0.2" ? { accept } : undefined),
  });
  const { port } = server;
  const known = createConnection({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
  known.write("hello");
  assert.equal(await taken.promise, "hello");
  known.destroy();

  for (const host of ["127.0.0.1", "::1"]) {
    const stranger = createConnection({ port, host });
    const [octets]: Buffer[] = await once(stranger, "data");
    assert.equal(octets?.toString("hex"), `${"ff".repeat(16)}0015030605`);
    stranger.destroy();
  }
});

test("a port that is taken is an error", async () => {
  await using first = await BgpListener.start({
    port: 0,
    logger: recordingLogger(),
    acceptorFor: () => undefined,
  });
  const second = BgpListener.start({
    port: first.port,
    logger: recordingLogger(),
    acceptorFor: () => undefined,
  });
  await assert.rejects(second, /EADDRINUSE/);
});
