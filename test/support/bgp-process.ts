/**
 * Runs one BGP session for tests in namespaces. It listens on the UNIX socket that its first
 * argument names; each line that it gets is a request, each line that it sends the answer.
 */
import { writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { encodePcap } from "../../src/bgp/pcap.ts";
import { localInterfaces } from "../../src/bgp/session/interfaces.ts";
import { BgpListener } from "../../src/bgp/session/listener.ts";
import { Session, type SessionPeer } from "../../src/bgp/session/session.ts";
import { tcpTransport } from "../../src/bgp/session/transport.ts";
import { type Address, parseAddress } from "../../src/net/address.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { SpeakerRequest } from "./bgp-speaker.ts";
import { routesOf } from "./routes.ts";

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) {
    throw new Error(`no address: ${text}`);
  }
  return parsed;
}

function print(fields: object, message: string): void {
  console.log(JSON.stringify({ message, ...fields }, asText));
}

const logger = { debug: print, info: print, warn: print, error: print };
let session: Session | undefined;

async function answer(request: SpeakerRequest): Promise<unknown> {
  switch (request.type) {
    case "start": {
      const { peerAddress, sourceAddress, routerId, ...others } = request.peer;
      const peer: SessionPeer = {
        name: "router",
        peerPort: 179,
        holdTimeSeconds: 90,
        connectTimeSeconds: 5,
        sendHoldTimeSeconds: 480,
        families: ["ipv4", "ipv6"],
        importLimit: 0,
        linkBandwidth: "auto",
        ...others,
        peerAddress: address(peerAddress),
        ...(sourceAddress !== undefined && { sourceAddress: address(sourceAddress) }),
        ...(routerId !== undefined && { routerId: address(routerId) }),
      };
      session = new Session({
        peer,
        node: { name: "node1", addresses: request.nodeAddresses.map(address) },
        clock: systemClock,
        random: Math.random,
        transport: tcpTransport,
        logger,
        interfaces: localInterfaces,
        uptimeSeconds: () => request.uptimeSeconds ?? 1e6,
        onChange: () => {},
      });
      session.start();
      if (request.listenPort !== undefined) {
        const acceptorFor = () => session;
        await BgpListener.start({ port: request.listenPort, logger, acceptorFor });
      }
      return {};
    }
    case "routes":
      session?.setRoutes(routesOf(request.routes));
      return {};
    case "status":
      return session?.status();
    case "close":
      await session?.close({ text: request.text });
      return {};
    case "close-for-restart":
      return { closed: session?.closeForRestart() };
    case "capture":
      await writeFile(request.path, encodePcap(session?.recordedMessages ?? []));
      return {};
    case "memory":
      return process.memoryUsage();
  }
}

async function respond(line: string, socket: Socket): Promise<void> {
  const result = await answer(JSON.parse(line));
  socket.write(`${JSON.stringify(result ?? null, asText)}\n`);
}

function asText(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString("hex");
  }
  return typeof value === "bigint" ? value.toString() : value;
}

createServer((socket) => {
  createInterface(socket).on("line", (line) => {
    void respond(line, socket);
  });
}).listen(process.argv[2]);
