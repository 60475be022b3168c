import { setTimeout as pause } from "node:timers/promises";
import { formatYaml } from "../config/yaml-text.ts";
import type { KubeApi } from "../kube/client.ts";
import { KubeError } from "../kube/client.ts";
import { connectKubeApi } from "../kube/connect.ts";
import { CredentialsError } from "../kube/credentials.ts";
import { connectPodProxy, type PodProxy } from "../kube/pod-proxy.ts";
import { systemClock } from "../runtime/clock.ts";
import type { CommandIo } from "./io.ts";
import type { QueryOptions } from "./query-flags.ts";
import { screenOf } from "./screen.ts";

/** The cluster, as operator commands reach it. */
export interface ClusterAccess {
  readonly api: KubeApi;
  readonly proxy: PodProxy;
}

/** What a command found out. */
export interface Finding {
  /** For `-o json` and `-o yaml`. */
  readonly value: object;
  /** For people. */
  readonly text: (style: { readonly isWide: boolean; readonly hasColours: boolean }) => string;
  readonly exitCode: number;
}

export interface QueryRun {
  readonly name: string;
  readonly options: QueryOptions;
  readonly io: CommandIo;
  readonly ask: (access: ClusterAccess) => Promise<Finding>;
  /** Ends a `--watch`; absent: only the end of the process does. */
  readonly signal?: AbortSignal;
}

const watchIntervalMs = 2_000;
/** Cannot run at all. */
const failedCode = 2;

/**
 * Asks the cluster, once or for ever, and prints what comes.
 *
 * @returns the exit code: that of the finding, or 2 if the API server does not let us ask
 */
export async function runQuery(query: QueryRun): Promise<number> {
  const { name, options, io } = query;
  try {
    const access = connect(options);
    return options.isWatched ? await watch(query, access) : await askOnce(query, access);
  } catch (error) {
    if (!(error instanceof KubeError || error instanceof CredentialsError)) {
      throw error;
    }
    io.writeError(`routelb ${name}: ${error.message}\n`);
    return failedCode;
  }
}

function connect({ kubeconfigPath }: QueryOptions): ClusterAccess {
  const shared = {
    ...(kubeconfigPath === undefined ? {} : { kubeconfigPath }),
    clock: systemClock,
  };
  return {
    api: connectKubeApi({ ...shared, fieldManager: "routelb-cli" }),
    proxy: connectPodProxy({ ...shared, userAgent: "routelb-cli" }),
  };
}

async function askOnce({ ask, options, io }: QueryRun, access: ClusterAccess): Promise<number> {
  return show(await ask(access), options, io);
}

/**
 * Prints what a command found out, as `-o` asks.
 *
 * @returns its exit code
 */
export function show(
  { value, text, exitCode }: Finding,
  options: QueryOptions,
  io: CommandIo,
): number {
  switch (options.output) {
    case "json":
      io.write(`${JSON.stringify(value, undefined, 2)}\n`);
      break;
    case "yaml":
      io.write(formatYaml(value));
      break;
    case "text":
    case "wide":
      io.write(text(styleOf(options)));
  }
  return exitCode;
}

/** A failure is drawn too: the API server may come back. */
async function watch(
  { ask, options, io, signal }: QueryRun,
  access: ClusterAccess,
): Promise<number> {
  for (;;) {
    const text = await ask(access).then(
      (finding) => finding.text(styleOf(options)),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    io.write(screenOf(text, io.terminal ?? { columns: 80, rows: 24 }));
    try {
      await pause(watchIntervalMs, undefined, signal === undefined ? {} : { signal });
    } catch {
      return 0;
    }
  }
}

function styleOf({ output, hasColours }: QueryOptions) {
  return { isWide: output === "wide", hasColours };
}
