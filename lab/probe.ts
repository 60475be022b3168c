import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { ProbeResult } from "./http-probe.ts";
import { numberAt, parseJson, textAt } from "./kube/json.ts";
import { LabProcess } from "./processes.ts";

const program = fileURLToPath(new URL("http-probe.ts", import.meta.url));

export interface ProbeOptions {
  /** Where the client runs. */
  readonly namespace: string;
  readonly url: string;
  readonly logFile: string;
  /** The source port of the first request; each next one has the next port. */
  readonly firstPort: number;
  /** Requests under way at a time. */
  readonly concurrency: number;
  /** Requests in all; without it, until `finish`. */
  readonly count?: number;
  /** Pause of each of the concurrent clients between two requests, on average. */
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  /** Of the client, in the order in which their ports are used up; without them, the kernel's choice. */
  readonly addresses?: readonly string[];
}

/** A client that makes one new connection per request and keeps what became of each. */
export class Probe {
  readonly #process: LabProcess;
  readonly #logFile: string;

  private constructor(process: LabProcess, logFile: string) {
    this.#process = process;
    this.#logFile = logFile;
  }

  /** Starts asking. */
  static async start(options: ProbeOptions): Promise<Probe> {
    const { url, concurrency, count = 0, intervalMs = 0, timeoutMs = 1_000 } = options;
    const { addresses = [] } = options;
    const numbers = [concurrency, count, intervalMs, timeoutMs, options.firstPort].map(String);
    const process_ = await LabProcess.start({
      name: `probe of ${url}`,
      namespace: options.namespace,
      command: [process.execPath, program, url, ...numbers, ...addresses],
      logFile: options.logFile,
      stdin: "pipe",
    });
    return new Probe(process_, options.logFile);
  }

  /** Resolves with all results when `count` requests are over. */
  async results(): Promise<readonly ProbeResult[]> {
    await this.#process.exited;
    return this.soFar();
  }

  /** The results of the requests that are over by now. */
  async soFar(): Promise<readonly ProbeResult[]> {
    const lines = (await readFile(this.#logFile, "utf8")).split("\n").slice(0, -1);
    return lines.filter((line) => line.startsWith("{")).map(readResult);
  }

  /** Asks no more; resolves with all results when the requests under way are over. */
  async finish(): Promise<readonly ProbeResult[]> {
    this.#process.endInput();
    return this.results();
  }
}

/** Requests that got an answer of status 200. */
export function answered(results: readonly ProbeResult[]): readonly ProbeResult[] {
  return results.filter((result) => result.outcome === "200");
}

export function failed(results: readonly ProbeResult[]): readonly ProbeResult[] {
  return results.filter((result) => result.outcome !== "200");
}

/** How often each value of `key` occurs, by value, in alphabetical order. */
export function countBy(
  results: readonly ProbeResult[],
  key: (result: ProbeResult) => string,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const result of results) counts.set(key(result), (counts.get(key(result)) ?? 0) + 1);
  return new Map([...counts].sort(([a], [b]) => a.localeCompare(b)));
}

function readResult(line: string): ProbeResult {
  const result = parseJson(line);
  const connectedMs = numberAt(result, "connectedMs");
  return {
    startMs: numberAt(result, "startMs") ?? 0,
    ...(connectedMs !== undefined && { connectedMs }),
    endMs: numberAt(result, "endMs") ?? 0,
    outcome: textAt(result, "outcome") ?? "",
    pod: textAt(result, "pod") ?? "",
    node: textAt(result, "node") ?? "",
    client: textAt(result, "client") ?? "",
  };
}
