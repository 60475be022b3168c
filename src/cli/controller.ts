import { controllerFlags, readDaemonOptions } from "./daemon-flags.ts";
import { formatFlags, parseFlags } from "./flags.ts";
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
  const options = { ...readDaemonOptions(flags), version: programVersion() };
  const { createLogger } = await import("../runtime/logger.ts");
  const { runProcess } = await import("../runtime/run.ts");
  const { runController } = await import("../controller/main.ts");
  const logger = createLogger(options.logLevel);
  await runProcess((signal) => runController(options, logger, signal), logger);
  return 0;
}
