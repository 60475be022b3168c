import { createConnection, type Socket } from "node:net";

/** The last line of an answer has a code that starts with 0 (done), 8 or 9 (refused), and a space. */
const lastLine = /^([089])\d{3} .*\n/m;

/** A connection to BIRD's control socket, without starting birdc. */
export class BirdControl {
  readonly #socket: Socket;
  #received = "";
  #waiting: { resolve: (text: string) => void; reject: (error: Error) => void }[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text) => {
      this.#received += String(text);
      this.#deliver();
    });
    socket.on("error", () => this.#fail());
    socket.on("close", () => this.#fail());
  }

  static async open(path: string): Promise<BirdControl> {
    const control = new BirdControl(createConnection(path));
    await control.#next();
    return control;
  }

  /** Resolves with what BIRD prints; a command that it refuses rejects. */
  command(command: string): Promise<string> {
    const answer = this.#next();
    this.#socket.write(`${command}\n`);
    return answer;
  }

  close(): void {
    this.#socket.destroy();
  }

  #next(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  #deliver(): void {
    for (let last = lastLine.exec(this.#received); last; last = lastLine.exec(this.#received)) {
      const text = this.#received.slice(0, last.index + last[0].length);
      this.#received = this.#received.slice(text.length);
      const waiting = this.#waiting.shift();
      if (last[1] === "0") {
        waiting?.resolve(text);
      } else {
        waiting?.reject(new Error(text));
      }
    }
  }

  #fail(): void {
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new Error("BIRD closed its control socket"));
    }
  }
}
