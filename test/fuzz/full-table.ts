import { pause } from "../../lab/wait.ts";
import { SpeakerRecord, type SpeakerSummary, startSpeaker } from "./campaign.ts";
import { GoodRouter, type Seen } from "./good-router.ts";
import { Program } from "./program.ts";
import type { TableOptions, TableReport } from "./programs/table-router.ts";

export interface FullTableResult extends SpeakerSummary {
  readonly seen: Seen;
  /** From the start of the speaker until it had taken every route; absent if it never did. */
  readonly durationMs: number | undefined;
  readonly octets: number;
  readonly crash: number | string | undefined;
}

/** How long the speaker is watched after it took the last route. */
const afterMs = 3_000;

/** Sends the speaker a full table on one session while another one goes on as usual. */
export async function runFullTable(prefixes: number, limitMs: number): Promise<FullTableResult> {
  await using good = await GoodRouter.start();
  const { promise: port, resolve: havePort } = Promise.withResolvers<number>();
  let octets = 0;
  const table: TableOptions = { prefixes };
  await using _router = Program.start<TableReport>("table-router", table, (report) => {
    octets = report.octets;
    if (report.port !== undefined) {
      havePort(report.port);
    }
  });
  const tablePort = await port;
  const record = new SpeakerRecord();
  const startMs = performance.now();
  await using speaker = startSpeaker({ goodPort: good.port, tablePort }, record);
  let durationMs: number | undefined;
  while (durationMs === undefined && speaker.exit === undefined) {
    const elapsedMs = performance.now() - startMs;
    if (record.last?.table?.prefixesReceived === prefixes) {
      durationMs = elapsedMs;
    } else if (elapsedMs > limitMs) {
      break;
    }
    await pause(20);
  }
  await pause(afterMs);
  await record.awaitCollection(2 * afterMs, () => speaker.exit !== undefined);
  return { durationMs, octets, seen: good.seen, crash: speaker.exit, ...record.summary() };
}
