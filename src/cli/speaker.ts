import {
  durationMs,
  parseListenAddress,
  readDaemonOptions,
  readDataplane,
  required,
  shareOf,
  speakerFlags,
} from "./daemon-flags.ts";
import { formatFlags, parseFlags } from "./flags.ts";
import type { CommandIo } from "./io.ts";
import { programVersion } from "./version.ts";

export const speakerUsage = `usage: routelb speaker --node-name NAME [FLAGS]

Advertises the addresses of Services from this node. Each flag is also read from the environment:
--node-name from ROUTELB_NODE_NAME, and so on.

${formatFlags(speakerFlags)}`;

/**
 * Runs until SIGTERM or SIGINT, and then ends the process. A wrong flag is seen before the program
 * is loaded.
 */
export async function runSpeakerCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const flags = parseFlags(speakerFlags, args, io.environment);
  const podName = flags.value("pod-name");
  const listen = parseListenAddress(required(flags, "listen"));
  const withdrawShare = shareOf(required(flags, "withdraw-guard"));
  const dataplane = readDataplane(flags);
  const options = {
    ...readDaemonOptions(flags),
    ...(podName === undefined ? {} : { podName }),
    ...(listen === undefined ? {} : { listen }),
    version: programVersion(),
    nodeName: required(flags, "node-name"),
    ignoreExcludeLabel: flags.isOn("ignore-exclude-lb"),
    drainOnCordon: flags.isOn("drain-on-cordon"),
    drainTimeMs: durationMs(flags, "drain-time"),
    ...(withdrawShare === undefined ? {} : { withdrawShare }),
    ...(dataplane === undefined ? {} : { dataplane }),
  };
  const { createLogger } = await import("../runtime/logger.ts");
  const { runProcess } = await import("../runtime/run.ts");
  const { keepHeapSmall } = await import("../runtime/heap.ts");
  keepHeapSmall();
  const { runSpeaker } = await import("../speaker/main.ts");
  const logger = createLogger(options.logLevel);
  await runProcess((signal) => runSpeaker(options, logger, signal), logger);
  return 0;
}
