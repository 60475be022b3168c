import { systemClock } from "../runtime/clock.ts";
import { runQuery } from "./cluster-query.ts";
import { formatFlags, parseFlags, UsageError } from "./flags.ts";
import type { CommandIo } from "./io.ts";
import { queryFlags, readQueryOptions, splitArguments } from "./query-flags.ts";
import { collectAnswers } from "./report/collect.ts";
import { reportStatus } from "./report/status-report.ts";
import { formatStatus } from "./report/status-text.ts";

export const statusUsage = `usage: routelb status [FLAGS]

Shows every BGP session, the address pools and the Services without an address. Every speaker and
controller is asked through the API server, so you need list on pods and nodes, and get on
pods/proxy in the namespace of RouteLB.

Exit code: 0, 1 if a part of the answer is missing (which, is said), 2 if it could not run.

flags:
${formatFlags(queryFlags)}
  --help               print this`;

/**
 * Runs `routelb status ARGS`; `signal` ends a `--watch`.
 *
 * @returns the exit code
 * @throws UsageError if the arguments are not understood
 */
export function runStatus(
  args: readonly string[],
  io: CommandIo,
  signal?: AbortSignal,
): Promise<number> {
  const { flags, words } = splitArguments(args);
  const [unexpected] = words;
  if (unexpected !== undefined) {
    throw new UsageError(`unexpected argument ${unexpected}`);
  }
  const options = readQueryOptions(parseFlags(queryFlags, flags, io.environment), io);
  const { namespace } = options;
  return runQuery({
    name: "status",
    options,
    io,
    ...(signal === undefined ? {} : { signal }),
    ask: async (access) => {
      const query = { only: "sessions" };
      const report = reportStatus(await collectAnswers({ ...access, namespace, query }));
      return {
        value: report,
        text: (style) => formatStatus(report, { ...style, nowMs: systemClock.wallTime() }),
        exitCode: report.gaps.length === 0 ? 0 : 1,
      };
    },
  });
}
