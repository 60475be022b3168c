/**
 * The program behind the lab's `nginx` image: an HTTP server that answers every request with its
 * Pod, its node and the client address that it saw.
 *
 * SIGTERM does not end it: like a server that drains, it serves on until its grace period is over
 * and the kubelet kills it.
 *
 *     POD_NAME=nginx-1 NODE_NAME=node1 node pod.ts PORT
 */
import { createServer } from "node:http";

const port = Number(process.argv[2]);
if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error("usage: pod.ts PORT");
const pod = process.env["POD_NAME"] ?? "";
const node = process.env["NODE_NAME"] ?? "";

process.on("SIGTERM", () => undefined);
createServer((request, response) => {
  const client = (request.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  response.writeHead(200, {
    "content-type": "text/plain",
    "x-pod": pod,
    "x-node": node,
    "x-client": client,
  });
  response.end(`${pod} on ${node}; the client it sees is ${client}\n`);
}).listen(port, "::");
