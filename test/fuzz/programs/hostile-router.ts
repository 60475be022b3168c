/**
 * Plays many routers: each listens for the speaker and dials it as well, and attacks on every
 * connection. What one gets follows from the seed and the connection's number, in order of arrival.
 */
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { drawAttack } from "../attacks.ts";
import { loadCorpus } from "../corpus.ts";
import { HostilePeer } from "../hostile-peer.ts";
import { type HostilePlace, hostileAddress, listenAddress } from "../hostile-place.ts";
import { programOptions, report } from "../program.ts";
import { Random } from "../random.ts";

export interface HostileOptions {
  readonly seed: number;
  readonly place: HostilePlace;
  /** Every connection gets what this one got. */
  readonly connection?: number;
}

export interface HostileReport {
  readonly connections: number;
  /** Streams and other attempts given to the speaker. */
  readonly inputs: number;
  /** Connections by attack. */
  readonly attacks: Readonly<Record<string, number>>;
  /** Numbers of the connections that are open. */
  readonly open: readonly number[];
}

const reportEveryMs = 100;
const redialMs = 30;

const options: HostileOptions = JSON.parse(programOptions());
const { network, port, count } = options.place;
const corpus = loadCorpus();
const attacks: Record<string, number> = {};
const open = new Set<number>();
let connections = 0;
let inputs = 0;

async function attack(socket: Socket): Promise<void> {
  const number = options.connection ?? connections;
  connections += 1;
  open.add(number);
  const random = new Random(options.seed, number);
  const { name, run } = drawAttack(random);
  attacks[name] = (attacks[name] ?? 0) + 1;
  const peer = new HostilePeer(socket);
  const given = await run(peer, random, corpus);
  inputs += given;
  peer.reset();
  open.delete(number);
}

function listen(index: number): Promise<void> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      void attack(socket);
    });
    server.listen(port, hostileAddress(network, index).text, resolve);
  });
}

/** Dials without end: the speaker has to choose between this connection and its own. */
async function dial(index: number): Promise<void> {
  const localAddress = hostileAddress(network, index).text;
  for (;;) {
    await delay(redialMs);
    const socket = connect({ port, host: listenAddress(network).text, localAddress });
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    if (isOpen) {
      await attack(socket);
    }
  }
}

function tell(): void {
  report({ connections, inputs, attacks, open: [...open] } satisfies HostileReport);
}

const indexes = Array.from({ length: count }, (_, index) => index);
await Promise.all(indexes.map(listen));
tell();
setInterval(tell, reportEveryMs);
await Promise.all(indexes.map(dial));
