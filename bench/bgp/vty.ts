import { createConnection, type Socket } from "node:net";

/** What ends an answer: three zero octets and a status (FRR's lib/vty.c, as vtysh reads it). */
const endOctets = 4;

/**
 * A connection to an FRR daemon's own command socket: a command takes a fraction of a millisecond,
 * where starting vtysh takes ten.
 */
export class Vty {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  readonly #waiting: { resolve: (text: string) => void; reject: (error: Error) => void }[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (octets) => {
      this.#received = Buffer.concat([this.#received, octets]);
      this.#deliver();
    });
    const fail = () => this.#fail();
    socket.on("error", fail);
    socket.on("close", fail);
  }

  /** In privileged mode. */
  static async open(path: string): Promise<Vty> {
    const socket = createConnection(path);
    await new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    const vty = new Vty(socket);
    await vty.command("enable");
    return vty;
  }

  /** Resolves with what the daemon prints; a command that it refuses rejects. */
  command(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(`${command}\0`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #deliver(): void {
    for (let end = this.#end(); end >= 0; end = this.#end()) {
      const text = this.#received.toString("utf8", 0, end);
      const status = this.#received[end + endOctets - 1];
      this.#received = this.#received.subarray(end + endOctets);
      const waiting = this.#waiting.shift();
      if (status === 0) {
        waiting?.resolve(text);
      } else {
        waiting?.reject(new Error(`status ${status}: ${text}`));
      }
    }
  }

  /** Where the next whole answer ends, or -1. */
  #end(): number {
    const end = this.#received.indexOf("\0\0\0");
    return end >= 0 && this.#received.length >= end + endOctets ? end : -1;
  }

  #fail(): void {
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new Error("the daemon closed its command socket"));
    }
  }
}
