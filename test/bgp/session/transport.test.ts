import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { type ConnectionListener, tcpTransport } from "../../../src/bgp/session/transport.ts";
import { type Address, parseAddress } from "../../../src/net/address.ts";

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed);
  return parsed;
}

async function listen(host: string): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port }: Partial<AddressInfo> = Object(server.address());
  assert.ok(port !== undefined);
  return { server, port };
}

/** Keeps what a connection tells, and resolves promises when it does. */
function recorder() {
  const connected = Promise.withResolvers<readonly [string, string, number]>();
  const closed = Promise.withResolvers<Error | undefined>();
  const drained = Promise.withResolvers<void>();
  const received: Uint8Array[] = [];
  const listener: ConnectionListener = {
    connected: ({ local, remote, remotePort }) =>
      connected.resolve([local.text, remote.text, remotePort]),
    received: (octets) => received.push(octets),
    drained: () => drained.resolve(),
    closed: (error) => closed.resolve(error),
  };
  return {
    listener,
    received,
    connected: connected.promise,
    closed: closed.promise,
    drained: drained.promise,
  };
}

for (const host of ["127.0.0.1", "::1"]) {
  test(`a connection to ${host} carries octets both ways and ends with FIN`, async () => {
    const { server, port } = await listen(host);
    const accepted: Promise<Socket[]> = once(server, "connection");
    const seen = recorder();
    const connection = tcpTransport.connect({ address: address(host), port }, seen.listener);
    const [socket] = await accepted;
    assert.ok(socket);
    assert.deepEqual(await seen.connected, [host, host, port]);
    connection.write(Uint8Array.of(1, 2, 3));
    await seen.drained;
    const [octets]: Buffer[] = await once(socket, "data");
    assert.deepEqual(octets, Buffer.of(1, 2, 3));
    socket.on("end", () => socket.end());
    await connection.end();
    server.close();
  });
}

test("the source address is taken, and one that is not ours is an error", async () => {
  const { server, port } = await listen("127.0.0.1");
  const seen = recorder();
  const target = { address: address("127.0.0.1"), port };
  const sourceAddress = address("127.0.0.2");
  const connection = tcpTransport.connect({ ...target, sourceAddress }, seen.listener);
  assert.deepEqual(await seen.connected, ["127.0.0.2", "127.0.0.1", port]);
  connection.destroy();
  const refused = recorder();
  const foreign = address("192.0.2.1");
  tcpTransport.connect({ ...target, sourceAddress: foreign }, refused.listener);
  assert.match(String(await refused.closed), /EADDRNOTAVAIL/);
  server.close();
});

test("nobody listens: the connection closes with the reason", async () => {
  const { server, port } = await listen("127.0.0.1");
  server.close();
  await once(server, "close");
  const seen = recorder();
  tcpTransport.connect({ address: address("127.0.0.1"), port }, seen.listener);
  assert.match(String(await seen.closed), /ECONNREFUSED/);
});

test("a peer that closes in order is no error", async () => {
  const { server, port } = await listen("127.0.0.1");
  server.on("connection", (socket) => socket.end());
  const seen = recorder();
  tcpTransport.connect({ address: address("127.0.0.1"), port }, seen.listener);
  assert.equal(await seen.closed, undefined);
  server.close();
});

test("a key that the kernel refuses fails to connect: never a session without it", async () => {
  const { server, port } = await listen("127.0.0.1");
  server.on("connection", () => assert.fail("connected"));
  const seen = recorder();
  const password = "x".repeat(81);
  tcpTransport.connect({ address: address("127.0.0.1"), port, password }, seen.listener);
  assert.match(String(await seen.closed), /1 to 80 octets/);
  server.close();
});

test("an end while the attempt is still under way leaves nothing", async () => {
  const seen = recorder();
  const target = { address: address("127.0.0.1"), port: 9, password: "key" };
  const connection = tcpTransport.connect(target, seen.listener);
  await connection.end();
});
