import { readFile, rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Runs in the process that is measured, before its program: `monitorEventLoopDelay`, every 10 ms as it
 * is by itself. At SIGUSR2 it writes the longest delay, in nanoseconds, and begins anew.
 */
const monitor = `
import { monitorEventLoopDelay } from "node:perf_hooks";
import { renameSync, writeFileSync } from "node:fs";
const delays = monitorEventLoopDelay();
delays.enable();
process.on("SIGUSR2", () => {
  const file = process.env.LOOP_DELAY_FILE;
  writeFileSync(file + ".part", String(delays.max));
  renameSync(file + ".part", file);
  delays.reset();
});
`;

/** What Node is started with. */
export const loopDelayArgs: readonly string[] = [
  `--import=data:text/javascript,${encodeURIComponent(monitor)}`,
];

export function loopDelayEnv(file: string): Readonly<Record<string, string>> {
  return { LOOP_DELAY_FILE: file };
}

/** The longest delay of the event loop of `pid`, in milliseconds, since the last call or the start. */
export async function takeLoopDelay(pid: number, file: string): Promise<number> {
  await rm(file, { force: true });
  process.kill(pid, "SIGUSR2");
  for (;;) {
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text !== undefined) return Number(text) / 1e6;
    await delay(20);
  }
}
