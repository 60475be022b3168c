/**
 * A client that asks one URL again and again, each time on a new connection from the next source
 * port, and writes what became of each request as a line of JSON (`ProbeResult`) when it is over.
 *
 *     node http-probe.ts URL CONCURRENCY COUNT INTERVAL_MS TIMEOUT_MS FIRST_PORT [ADDRESS...]
 *
 * When all ports were used, those of the next address are, if it is told of several.
 * It ends after COUNT requests (0: no limit), or when its standard input ends. Pauses are of random
 * length, INTERVAL_MS on average, so that clients that were held up together do not stay together.
 */
import { request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

export interface ProbeResult {
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  /** When the connection stood; absent: it never did. */
  readonly connectedMs?: number;
  readonly endMs: number;
  /** The HTTP status, or the error's code: "ECONNREFUSED", "timeout". */
  readonly outcome: string;
  /** Who answered, and which client address it saw; empty without an answer. */
  readonly pod: string;
  readonly node: string;
  readonly client: string;
}

const [url = "", ...rest] = process.argv.slice(2);
const [concurrency = 1, count = 0, intervalMs = 0, timeoutMs = 1000, firstPort = 1024] = rest
  .slice(0, 5)
  .map(Number);
const addresses = rest.slice(5);
const ending = new AbortController();
let started = 0;
let portsTaken = 0;

process.stdin.on("end", () => ending.abort());
process.stdin.resume();

async function askAgain(): Promise<void> {
  if (intervalMs > 0) await delay(intervalMs * Math.random());
  while (!ending.signal.aborted) {
    if (count > 0 && started >= count) return;
    started += 1;
    let result = await ask(takeSource());
    // Somebody else on this host has the port: nothing was sent, and it is no answer of the cluster.
    while (result.outcome === "EADDRINUSE") result = await ask(takeSource());
    process.stdout.write(`${JSON.stringify(result)}\n`);
    if (intervalMs > 0) await delay(intervalMs * (0.5 + Math.random()));
  }
}

interface Source {
  readonly localPort: number;
  readonly localAddress?: string;
}

function takeSource(): Source {
  const ports = 65_536 - 1_024;
  const localPort = 1_024 + ((firstPort - 1_024 + portsTaken) % ports);
  const localAddress = addresses[Math.floor(portsTaken / ports) % addresses.length];
  portsTaken += 1;
  return { localPort, ...(localAddress !== undefined && { localAddress }) };
}

function ask(source: Source): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  const startMs = Date.now();
  let connectedMs: number | undefined;
  const headers: Record<string, string> = {};
  const finish = (outcome: string): void => {
    const { pod = "", node = "", client = "" } = headers;
    const connected = connectedMs === undefined ? {} : { connectedMs };
    resolve({ startMs, ...connected, endMs: Date.now(), outcome, pod, node, client });
  };
  const outgoing = request(url, {
    agent: false,
    ...source,
    signal: AbortSignal.timeout(timeoutMs),
  });
  outgoing.on("socket", (socket) => {
    socket.once("connect", () => {
      connectedMs = Date.now();
    });
  });
  outgoing.on("response", (response) => {
    for (const name of ["pod", "node", "client"]) {
      headers[name] = String(response.headers[`x-${name}`] ?? "");
    }
    response.on("error", (error) => finish(outcomeOf(error)));
    response.on("end", () => finish(String(response.statusCode)));
    response.resume();
  });
  outgoing.on("error", (error) => finish(outcomeOf(error)));
  outgoing.end();
  return promise;
}

function outcomeOf(error: NodeJS.ErrnoException): string {
  return error.name === "AbortError" || error.name === "TimeoutError"
    ? "timeout"
    : (error.code ?? error.message);
}

await Promise.all(Array.from({ length: concurrency }, askAgain));
process.stdin.destroy();
