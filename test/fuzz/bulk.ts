import { Program } from "./program.ts";
import type { BulkOptions, BulkReport } from "./programs/bulk.ts";

export interface BulkResult {
  readonly inputs: number;
  readonly durationMs: number;
  readonly peakRssOctets: number;
  /** What a person needs to see it again. */
  readonly failures: readonly string[];
}

const processes = 2;

/** Gives inputs `from` to below `to` to the codec or to sessions in memory, in two processes. */
export async function runBulk(
  options: Omit<BulkOptions, "step">,
  onProgress: (inputs: number) => void,
): Promise<BulkResult> {
  const startMs = performance.now();
  const reports: BulkReport[] = [];
  const failures: string[] = [];
  await Promise.all(
    Array.from({ length: processes }, async (_, number) => {
      const share = { ...options, from: options.from + number, step: processes };
      await using program = Program.start<BulkReport>("bulk", share, (report) => {
        reports[number] = report;
        onProgress(reports.reduce((total, { inputs }) => total + inputs, 0));
      });
      const end = await program.exited;
      const { failure, isDone = false } = reports[number] ?? {};
      const replay = `--target ${options.target} --seed ${options.seed}`;
      if (failure !== undefined) {
        failures.push(`${replay} --from ${failure.index} --inputs 1: ${failure.text}`);
      } else if (end !== 0 || !isDone) {
        failures.push(`${replay}: process ${number} ended with ${end}`);
      }
    }),
  );
  return {
    inputs: reports.reduce((total, { inputs }) => total + inputs, 0),
    durationMs: performance.now() - startMs,
    peakRssOctets: Math.max(0, ...reports.map(({ peakRssOctets }) => peakRssOctets)),
    failures,
  };
}
