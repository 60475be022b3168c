import assert from "node:assert/strict";
import { test } from "node:test";
import { BfdEngine, type BfdStateChange } from "../../src/bfd/engine.ts";
import { type BfdPacket, decodeBfdPacket, encodeBfdPacket } from "../../src/bfd/packet.ts";
import type { BfdClock, BfdPeer, BfdTransport } from "../../src/bfd/ports.ts";
import { type Address, parseAddress } from "../../src/net/address.ts";

/** Two or more engines on one clock and one network, whose links can be cut in one direction. */
class Network {
  #now = 0;
  #timers: { dueMs: number; callback: () => void }[] = [];
  readonly #listeners = new Map<string, (source: string, datagram: Uint8Array) => void>();
  readonly sent: { readonly atMs: number; readonly from: string; readonly packet: BfdPacket }[] =
    [];
  readonly cut = new Set<string>();

  readonly clock: BfdClock = {
    now: () => this.#now,
    after: (delayMs, callback) => {
      const timer = { dueMs: this.#now + delayMs, callback };
      this.#timers.push(timer);
      return {
        cancel: () => {
          this.#timers = this.#timers.filter((other) => other !== timer);
        },
      };
    },
  };

  get timers(): number {
    return this.#timers.length;
  }

  readonly transport: BfdTransport = {
    listen: (local, port, sources, onDatagram) => {
      const key = `${local.text} ${port}`;
      assert.ok(sources.length > 0 && sources.every(({ minimumTtl }) => minimumTtl > 0));
      assert.ok(!this.#listeners.has(key), "one listener for an address and port");
      this.#listeners.set(key, (source, datagram) => {
        if (sources.some(({ address }) => address.text === source)) {
          onDatagram(source, datagram);
        }
      });
      return { close: () => this.#listeners.delete(key) };
    },
    connect: (local, remote, port) => ({
      send: (datagram) => {
        const packet = decodeBfdPacket(datagram);
        assert.ok(typeof packet !== "string");
        this.sent.push({ atMs: this.#now, from: local.text, packet });
        if (!this.cut.has(local.text)) {
          const copy = datagram.slice();
          this.clock.after(0.1, () =>
            this.#listeners.get(`${remote.text} ${port}`)?.(local.text, copy),
          );
        }
      },
      close: () => undefined,
    }),
  };

  run(durationMs: number): void {
    const end = this.#now + durationMs;
    for (;;) {
      const next = this.#timers.toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > end) {
        this.#now = end;
        return;
      }
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = next.dueMs;
      next.callback();
    }
  }
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed);
  return parsed;
}

const speakerText = "172.16.7.11";
const routerText = "172.16.7.1";

function peer(local: string, remote: string, changes: Partial<BfdPeer> = {}): BfdPeer {
  return {
    key: `${local}-${remote}`,
    localAddress: address(local),
    remoteAddress: address(remote),
    multihop: false,
    minimumTtl: 254,
    transmitIntervalMs: 300,
    receiveIntervalMs: 300,
    detectMultiplier: 3,
    passive: false,
    ...changes,
  };
}

function engineOn(network: Network, seed: number) {
  const changes: (BfdStateChange & { readonly atMs: number })[] = [];
  let state = seed;
  const engine = new BfdEngine({
    clock: network.clock,
    transport: network.transport,
    random: () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state / 2_147_483_648;
    },
    onChange: (change) => changes.push({ ...change, atMs: network.clock.now() }),
    onError: (key, error) => assert.fail(`${key}: ${String(error)}`),
  });
  return { engine, changes, states: () => changes.map((change) => change.to) };
}

/** A speaker and a router that see each other, 10 s after both started. */
function pair(speakerChanges: Partial<BfdPeer> = {}, routerChanges: Partial<BfdPeer> = {}) {
  const network = new Network();
  const speaker = engineOn(network, 1);
  const router = engineOn(network, 2);
  speaker.engine.setPeers([peer(speakerText, routerText, speakerChanges)]);
  router.engine.setPeers([peer(routerText, speakerText, routerChanges)]);
  network.run(10_000);
  return { network, speaker, router };
}

test("two sessions that see each other come up once", () => {
  const { speaker, router } = pair();
  assert.equal(speaker.states().at(-1), "Up");
  assert.equal(router.states().at(-1), "Up");
  assert.equal(speaker.engine.statuses()[0]?.sessionUps, 1);
});

test("a session that is not Up sends at most one packet a second", () => {
  const network = new Network();
  const speaker = engineOn(network, 1);
  speaker.engine.setPeers([peer(speakerText, routerText, { transmitIntervalMs: 50 })]);
  network.run(20_000);
  assert.ok(network.sent.length >= 20 && network.sent.length <= 27, `${network.sent.length}`);
});

test("once Up, packets come at the slower of what one offers and the other takes, less jitter", () => {
  const { network } = pair({ transmitIntervalMs: 100 }, { receiveIntervalMs: 400 });
  const times = network.sent.filter(({ from }) => from === speakerText).map(({ atMs }) => atMs);
  const gaps = times
    .filter((atMs) => atMs > 5_000)
    .map((atMs, index, late) => atMs - (late[index - 1] ?? atMs))
    .slice(1);
  assert.ok(gaps.length > 5);
  assert.ok(
    gaps.every((gap) => gap >= 300 && gap <= 400),
    gaps.join(" "),
  );
});

test("a peer that falls silent is Down after its multiplier times the interval", () => {
  const { network, speaker } = pair();
  const cutAt = network.clock.now();
  network.cut.add(routerText);
  network.run(2_000);
  const down = speaker.changes.at(-1);
  assert.equal(down?.from, "Up");
  assert.equal(down.to, "Down");
  assert.equal(down.diagnostic, 1);
  assert.ok(down.atMs - cutAt > 600 && down.atMs - cutAt <= 900, `${down.atMs - cutAt}`);
});

test("a cut in one direction brings both down, and both up again when it is mended", () => {
  const { network, speaker, router } = pair();
  network.cut.add(speakerText);
  network.run(3_000);
  assert.ok(router.states().includes("Down"));
  const told = speaker.changes.find(({ to }) => to === "Down");
  assert.equal(told?.diagnostic, 3, "the neighbor signaled session down");
  network.cut.clear();
  network.run(5_000);
  assert.equal(speaker.states().at(-1), "Up");
  assert.equal(router.states().at(-1), "Up");
});

test("AdminDown is told to the peer, which goes Down and says so", () => {
  const { network, speaker, router } = pair();
  router.engine.adminDown(`${routerText}-${speakerText}`);
  network.run(100);
  const down = speaker.changes.at(-1);
  assert.equal(down?.to, "Down");
  assert.equal(down.remoteState, "AdminDown");
  assert.equal(down.remoteDiagnostic, 7);
});

test("a Poll is answered with Final at once, and Poll and Final never stand together", () => {
  const { network } = pair();
  const polls = network.sent.filter(({ packet }) => packet.poll);
  assert.ok(polls.length > 0, "coming Up shortens the transmit interval, which needs a Poll");
  for (const poll of polls) {
    const answer = network.sent.find(
      ({ atMs, from, packet }) => from !== poll.from && packet.final && atMs >= poll.atMs,
    );
    assert.ok(
      answer !== undefined && answer.atMs - poll.atMs < 1,
      "Final within the delay of the link",
    );
  }
  assert.ok(network.sent.every(({ packet }) => !(packet.poll && packet.final)));
});

test("new parameters are told by a Poll Sequence and the session stays up", () => {
  const { network, speaker, router } = pair();
  const before = speaker.changes.length + router.changes.length;
  const slower = { transmitIntervalMs: 1_000, receiveIntervalMs: 1_000 };
  speaker.engine.setPeers([peer(speakerText, routerText, slower)]);
  network.run(10_000);
  assert.equal(speaker.changes.length + router.changes.length, before);
  assert.equal(speaker.engine.statuses()[0]?.detectionTimeMs, 3_000);
  assert.equal(router.engine.statuses()[0]?.detectionTimeMs, 3_000);
  const faster = { transmitIntervalMs: 50, receiveIntervalMs: 50 };
  speaker.engine.setPeers([peer(speakerText, routerText, faster)]);
  router.engine.setPeers([peer(routerText, speakerText, faster)]);
  network.run(10_000);
  assert.equal(speaker.changes.length + router.changes.length, before);
  assert.equal(speaker.engine.statuses()[0]?.detectionTimeMs, 150);
});

test("a passive session is silent until it is spoken to", () => {
  const network = new Network();
  const speaker = engineOn(network, 1);
  speaker.engine.setPeers([peer(speakerText, routerText, { passive: true })]);
  network.run(5_000);
  assert.equal(network.sent.length, 0);
  const router = engineOn(network, 2);
  router.engine.setPeers([peer(routerText, speakerText)]);
  network.run(10_000);
  assert.equal(speaker.states().at(-1), "Up");
});

test("a peer that takes no packets gets no periodic ones", () => {
  const { network, speaker } = pair();
  const session = speaker.engine.statuses()[0];
  assert.equal(session?.state, "Up");
  const last = network.sent.filter(({ from }) => from === routerText).at(-1);
  assert.ok(last);
  network.cut.add(routerText);
  const silencer = network.transport.connect(address(routerText), address(speakerText), 3784);
  network.cut.delete(routerText);
  silencer.send(
    encodeBfdPacket({ ...last.packet, poll: false, final: false, requiredMinRxIntervalUs: 0 }),
  );
  network.cut.add(routerText);
  network.run(1);
  const ours = (): number => network.sent.filter(({ from }) => from === speakerText).length;
  const before = ours();
  network.run(500);
  assert.equal(ours(), before);
});

test("packets of an unknown peer or with a foreign discriminator change nothing", () => {
  const { network, speaker } = pair();
  const last = network.sent.filter(({ from }) => from === routerText).at(-1);
  assert.ok(last);
  const stranger = network.transport.connect(address("172.16.7.99"), address(speakerText), 3784);
  stranger.send(encodeBfdPacket({ ...last.packet, state: "Down" }));
  const router = network.transport.connect(address(routerText), address(speakerText), 3784);
  const { yourDiscriminator } = last.packet;
  router.send(
    encodeBfdPacket({ ...last.packet, state: "Down", yourDiscriminator: yourDiscriminator ^ 1 }),
  );
  network.run(1);
  assert.equal(speaker.engine.statuses()[0]?.state, "Up");
  // The transport gave us none of the stranger's.
  assert.deepEqual(speaker.engine.discarded(), { "no-session": 1 });
});

test("multihop goes to port 4784 and beside single-hop", () => {
  const network = new Network();
  const speaker = engineOn(network, 1);
  const router = engineOn(network, 2);
  const far = "172.16.9.1";
  speaker.engine.setPeers([
    peer(speakerText, far, { multihop: true }),
    peer(speakerText, routerText),
  ]);
  router.engine.setPeers([
    peer(far, speakerText, { multihop: true }),
    peer(routerText, speakerText),
  ]);
  network.run(10_000);
  assert.deepEqual(
    speaker.engine.statuses().map(({ state }) => state),
    ["Up", "Up"],
  );
});

test("a session that joins others at a local address is heard, and leaves theirs as they are", () => {
  const { network, speaker } = pair();
  const second = "172.16.7.2";
  speaker.engine.setPeers([peer(speakerText, routerText), peer(speakerText, second)]);
  engineOn(network, 3).engine.setPeers([peer(second, speakerText)]);
  network.run(10_000);
  const heard = speaker.engine.statuses().map(({ state, sessionDowns }) => [state, sessionDowns]);
  assert.deepEqual(heard, [
    ["Up", 0],
    ["Up", 0],
  ]);
});

test("a closed engine leaves no timer behind", () => {
  const { network, speaker, router } = pair();
  speaker.engine.close();
  router.engine.close();
  network.run(1);
  assert.equal(network.timers, 0);
});
