import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** Takes command lines on a UNIX socket; each is answered with a line when it is done. */
export function serveCommands(
  path: string,
  perform: (name: string, argument: string) => void,
): void {
  createServer((socket: Socket) => {
    createInterface(socket).on("line", (line) => {
      const [name = "", argument = ""] = line.split(" ");
      perform(name, argument);
      socket.write("done\n");
    });
  }).listen(path);
}
