import { createSocket, type Socket } from "node:dgram";
import { openSocket, SocketError, type SocketRequest } from "../native/socket.ts";
import type { Address } from "../net/address.ts";
import type { BfdTransport } from "./ports.ts";

/** DSCP CS6, as BGP's own packets: a router must not drop these first. */
const trafficClass = 0xc0;

/** RFC 5881 §4: a source port of this range, kept for the session's life. */
const firstSourcePort = 49_152;
const sourcePorts = 16_384;

/**
 * UDP sockets of the kernel. A send that fails (no route, no buffer) is left to the detection timers
 * of both sides; a socket that fails altogether is told to `onError`.
 */
export function udpTransport(random: () => number, onError: (error: Error) => void): BfdTransport {
  return {
    listen(local, port, sources, onDatagram) {
      const fd = openSocket({ ...datagram(local), sources, bind: { address: local, port } });
      const socket = adopt(local, fd, onError);
      socket.on("message", (octets, from) => onDatagram(from.address, octets));
      return socket;
    },
    connect(local, remote, port) {
      const socket = adopt(local, openOnFreePort(local, random), onError);
      return {
        send: (octets) => socket.send(octets, port, remote.text, () => undefined),
        close: () => socket.close(),
      };
    },
  };
}

function datagram(local: Address): Pick<SocketRequest, "family" | "type" | "trafficClass"> & {
  readonly device?: string;
} {
  return {
    family: local.family,
    type: "datagram",
    trafficClass,
    ...(local.zone === undefined ? {} : { device: local.zone }),
  };
}

function openOnFreePort(local: Address, random: () => number): number {
  const start = Math.floor(random() * sourcePorts);
  for (let tried = 0; ; tried += 1) {
    const port = firstSourcePort + ((start + tried) % sourcePorts);
    try {
      return openSocket({ ...datagram(local), ttl: 255, bind: { address: local, port } });
    } catch (error) {
      const taken = error instanceof SocketError && error.code === "EADDRINUSE";
      if (!taken || tried === sourcePorts - 1) {
        throw error;
      }
    }
  }
}

function adopt(local: Address, fd: number, onError: (error: Error) => void): Socket {
  const socket = createSocket(local.family === "ipv4" ? "udp4" : "udp6");
  socket.on("error", onError);
  socket.bind({ fd });
  return socket;
}
