import { cp } from "node:fs/promises";
import { attempt } from "./command.ts";
import type { Instance } from "./instance.ts";

/** The end of every log, for whoever has to find out what went wrong. */
export async function logTails(instance: Instance, lines = 15): Promise<string> {
  const command = `find "$0" -name '*.log' | sort | xargs -r tail -n ${lines} | cut -c1-400`;
  return (await attempt("sh", ["-c", command, instance.directory])).text;
}

/** Copies an instance's logs and probe results to `directory`; credentials and sockets stay. */
export async function copyLogs(instance: Instance, directory: string): Promise<void> {
  await cp(instance.directory, directory, {
    recursive: true,
    filter: (source) =>
      !/\/(program|credentials|cluster|tmp)$|\.(sock|socket|api|vty)$|kubeconfig$/.test(source),
  });
}

/** An error and its causes, one a line. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause === undefined ? error.message : `${error.message}\n  ${describeError(cause)}`;
}
