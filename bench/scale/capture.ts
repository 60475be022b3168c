import { readFile, rm } from "node:fs/promises";
import { LabProcess } from "../../lab/processes.ts";
import { pause, waitFor } from "../../lab/wait.ts";

/** A TCP segment with content, as it passed a node's interface. */
export interface Segment {
  /** Milliseconds since the Unix epoch, with a fraction: the kernel's time stamp. */
  readonly ms: number;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  /** Its beginning, as much as was captured. */
  readonly content: Uint8Array;
  /** Octets that it held. */
  readonly length: number;
}

/** Octets of each packet: enough for the headers and the beginning of a BGP message. */
const usualSnapLength = 160;

/** What passes an interface, written down by the kernel: the bench's own load moves no time stamp. */
export class Capture {
  readonly #process: LabProcess;
  readonly #file: string;

  private constructor(process: LabProcess, file: string) {
    this.#process = process;
    this.#file = file;
  }

  /** Resolves when it captures. `filter` as tcpdump takes it. */
  static async start(
    namespace: string,
    file: string,
    filter: string,
    snapLength = usualSnapLength,
  ): Promise<Capture> {
    const logFile = `${file}.log`;
    // What tcpdump said of a capture before, into the same file, is not said of this one.
    await rm(logFile, { force: true });
    const process = await LabProcess.start({
      name: "tcpdump",
      namespace,
      command: [
        "tcpdump",
        "--interface=eth0",
        "--buffer-size=32768",
        `--snapshot-length=${snapLength}`,
        "--immediate-mode",
        "--packet-buffered",
        "--time-stamp-precision=nano",
        "--relinquish-privileges=root",
        "-w",
        file,
        filter,
      ],
      logFile,
    });
    await waitFor(
      async () => (await readFile(logFile, "utf8")).includes("listening on") || undefined,
      { what: "tcpdump captures", timeoutMs: 20_000, intervalMs: 10 },
    );
    return new Capture(process, file);
  }

  /**
   * Ends it.
   *
   * @throws Error if the kernel had no room for a packet
   */
  async stop(): Promise<readonly Segment[]> {
    await pause(100);
    await this.#process.stop();
    const said = await readFile(`${this.#file}.log`, "utf8");
    const dropped = /(\d+) packets dropped by kernel/.exec(said)?.[1] ?? "0";
    if (dropped !== "0") {
      throw new Error(`tcpdump missed ${dropped} packets`);
    }
    return readSegments(await readFile(this.#file));
  }
}

const fileHeaderLength = 24;
const recordHeaderLength = 16;
const ethernetLength = 14;

/** The TCP segments with content of a capture file of tcpdump (nanoseconds, Ethernet, IPv4). */
export function readSegments(file: Uint8Array): readonly Segment[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const segments: Segment[] = [];
  let offset = fileHeaderLength;
  while (offset + recordHeaderLength <= file.length) {
    const seconds = view.getUint32(offset, true);
    const nanoseconds = view.getUint32(offset + 4, true);
    const captured = view.getUint32(offset + 8, true);
    const start = offset + recordHeaderLength + ethernetLength;
    offset += recordHeaderLength + captured;
    if (offset > file.length) {
      break;
    }
    const headerLength = ((file[start] ?? 0) & 0x0f) * 4;
    const tcp = start + headerLength;
    const content = tcp + ((file[tcp + 12] ?? 0) >> 4) * 4;
    const length = view.getUint16(start + 2) - (content - start);
    if (length > 0) {
      segments.push({
        ms: seconds * 1_000 + nanoseconds / 1e6,
        source: file.subarray(start + 12, start + 16).join("."),
        sourcePort: view.getUint16(tcp),
        destination: file.subarray(start + 16, start + 20).join("."),
        destinationPort: view.getUint16(tcp + 2),
        content: file.subarray(content, offset),
        length,
      });
    }
  }
  return segments;
}
