/** Gives a range of inputs to the codec or to a session in memory; the first failure ends it. */
import { fuzzCodec } from "../codec.ts";
import { loadCorpus } from "../corpus.ts";
import { programOptions, report } from "../program.ts";
import { fuzzSession } from "../session.ts";

export interface BulkOptions {
  readonly target: "codec" | "session";
  readonly seed: number;
  /** The numbers of the inputs: from `from` on, below `to`, each `step`-th. */
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

export interface BulkReport {
  readonly inputs: number;
  readonly peakRssOctets: number;
  readonly isDone: boolean;
  /** The number of the input that failed, and how. */
  readonly failure?: { readonly index: number; readonly text: string };
}

/** Inputs between two looks at the clock and the standard input. */
const sliceInputs = 500;

const { target, seed, from, to, step }: BulkOptions = JSON.parse(programOptions());
const corpus = loadCorpus();
// What is thrown for a bad message is caught at once; where it was made costs a third of the time.
Error.stackTraceLimit = 0;

function tell(inputs: number, rest: Pick<BulkReport, "isDone" | "failure">): void {
  const peakRssOctets = process.resourceUsage().maxRSS * 1024;
  report({ inputs, peakRssOctets, ...rest } satisfies BulkReport);
}

async function attempt(index: number): Promise<void> {
  if (target === "codec") {
    fuzzCodec(seed, index, corpus);
  } else {
    await fuzzSession(seed, index, corpus);
  }
}

async function runInputs(): Promise<void> {
  let inputs = 0;
  for (let index = from; index < to; index += step) {
    try {
      await attempt(index);
    } catch (error) {
      tell(inputs, { isDone: true, failure: { index, text: String(error) } });
      return;
    }
    inputs += 1;
    if (inputs % sliceInputs === 0) {
      tell(inputs, { isDone: false });
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }
  tell(inputs, { isDone: true });
}

await runInputs();
process.exit(0);
