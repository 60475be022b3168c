import { controllerFlags, durationMs, readDaemonOptions } from "./daemon-flags.ts";
import { formatFlags, type ParsedFlags, parseFlags, UsageError } from "./flags.ts";
import type { CommandIo } from "./io.ts";
import { programVersion } from "./version.ts";

export const controllerUsage = `usage: routelb controller [FLAGS]

Gives Services of type LoadBalancer their addresses. Each flag is also read from the environment:
--lb-class from ROUTELB_LB_CLASS, and so on.

${formatFlags(controllerFlags)}`;

/**
 * Runs until SIGTERM or SIGINT, and then ends the process. A wrong flag is seen before the program
 * is loaded.
 */
export async function runControllerCommand(
  args: readonly string[],
  io: CommandIo,
): Promise<number> {
  const flags = parseFlags(controllerFlags, args, io.environment);
  const options = {
    ...readDaemonOptions(flags),
    ...readLeaderElection(flags),
    version: programVersion(),
  };
  const { collectEarly } = await import("../runtime/heap.ts");
  collectEarly();
  const { createLogger } = await import("../runtime/logger.ts");
  const { runProcess } = await import("../runtime/run.ts");
  const { runController } = await import("../controller/main.ts");
  const logger = createLogger(options.logLevel);
  await runProcess((signal) => runController(options, logger, signal), logger);
  return 0;
}

/** A renewal must have the time for more than one try. */
const shortestRenewalMs = 1_000;

function readLeaderElection(flags: ParsedFlags): {
  readonly leaderElection?: { readonly durationMs: number; readonly renewMs: number };
} {
  if (flags.isOn("no-leader-election")) {
    return {};
  }
  const terms = {
    durationMs: durationMs(flags, "lease-duration"),
    renewMs: durationMs(flags, "lease-renew"),
  };
  if (terms.renewMs < shortestRenewalMs) {
    throw new UsageError("--lease-renew must be at least 1s");
  }
  if (terms.durationMs <= terms.renewMs) {
    throw new UsageError("--lease-duration must be longer than --lease-renew");
  }
  return { leaderElection: terms };
}
