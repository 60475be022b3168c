import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import type { Acceptor } from "../../src/bgp/session/listener.ts";
import { Session } from "../../src/bgp/session/session.ts";
import { tcpTransport } from "../../src/bgp/session/transport.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { runLoops } from "../../src/runtime/run.ts";
import { planSessions } from "../../src/speaker/peers.ts";
import { listenerLoops } from "../../src/speaker/shell/listening.ts";
import { Sessions } from "../../src/speaker/shell/sessions.ts";
import { freePort } from "../support/free-port.ts";
import { type LogLine, recordingLogger } from "../support/recording-logger.ts";
import { address, config, node, peerConfig } from "./fixtures.ts";

const limits = { timeout: 10_000 };
const peer = { name: "router", peerAddress: address("127.0.0.2"), peerPort: 1 };

function sessions(t: TestContext): Sessions {
  const made = new Sessions({
    clock: systemClock,
    random: () => 0,
    transport: tcpTransport,
    interfaces: () => [],
    uptimeSeconds: () => 100_000,
    logger: recordingLogger(),
    node: { name: "node1", addresses: [address("172.16.7.11")] },
    onChange: () => undefined,
    onRemoved: () => undefined,
  });
  const plan = planSessions(config({ peers: [peerConfig(peer)] }), node(), {
    defaultGateways: [],
    secret: () => ({ state: "missing" }),
  });
  made.apply(plan.sessions);
  t.after(() => made.closeAll({ text: "the test is over" }, new Set()));
  return made;
}

/** Takes connections until the test ends; gives the port, and what was logged. */
async function listen(t: TestContext, acceptorFor: (remote: string) => Acceptor | undefined) {
  const told = new AbortController();
  const port = await freePort();
  const lines: LogLine[] = [];
  const loops = listenerLoops(
    { address: address("127.0.0.1"), port },
    ({ text }) => acceptorFor(text),
    recordingLogger(lines),
  );
  const ended = runLoops(loops, told.signal);
  t.after(async () => {
    told.abort(new Error("the test is over"));
    await ended;
  });
  while (lines.length === 0) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  return { port, lines };
}

test(
  "a router that dials gets an OPEN from its session, and a stranger is refused",
  limits,
  async (t) => {
    const speaking = sessions(t);
    const { port, lines } = await listen(t, (remote) => speaking.acceptorFor(address(remote)));
    assert.ok(speaking.acceptorFor(address("127.0.0.2")) instanceof Session);
    assert.equal(speaking.acceptorFor(address("127.0.0.3")), undefined);
    const typeAt = async (localAddress: string) => {
      const socket = connect({ port, host: "127.0.0.1", localAddress });
      const [octets]: Buffer[] = await once(socket, "data");
      socket.destroy();
      return octets?.[18];
    };
    assert.equal(await typeAt("127.0.0.2"), 1);
    assert.equal(await typeAt("127.0.0.3"), 3);
    assert.deepEqual(lines[0]?.fields, { address: "127.0.0.1", port, needsCapability: false });
  },
);

test("a port that cannot be had ends the process, and says what to do", limits, async (t) => {
  const { port } = await listen(t, () => undefined);
  const again = listenerLoops(
    { address: address("127.0.0.1"), port },
    () => undefined,
    recordingLogger(),
  );
  const failure = await runLoops(again, new AbortController().signal).catch(
    (error: unknown) => error,
  );
  assert.ok(failure instanceof Error && failure.cause instanceof Error);
  assert.equal(failure.cause.message, `--listen: port ${port} cannot be had`);
});

test("without --listen nothing is taken", () => {
  assert.deepEqual(
    listenerLoops(undefined, () => undefined, recordingLogger()),
    [],
  );
});
