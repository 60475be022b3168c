import { readFile } from "node:fs/promises";
import { runIn } from "./namespaces.ts";
import type { Router } from "./router.ts";
import { waitFor } from "./wait.ts";

/** What the router wrote at one moment. */
export interface LogEntry {
  /** Milliseconds since the epoch, with a fraction. */
  readonly atMs: number;
  readonly text: string;
}

/** The state of a route in the router's kernel after a change. */
export interface KernelRoute {
  readonly atMs: number;
  /** Gateways in the order of the kernel; none when the route was deleted. */
  readonly gateways: readonly string[];
}

/** All that FRR logged since `fromMs`. */
export async function readRouterLog(router: Router, fromMs: number): Promise<readonly LogEntry[]> {
  return parseRouterLog(await readFile(router.logFile, "utf8")).filter(
    (entry) => entry.atMs >= fromMs,
  );
}

export type SessionChange = "Up" | "Down";

/** Whether FRR logged this change of its session with `peer` (`bgp log-neighbor-changes`). */
export function tellsOfSession(
  log: readonly LogEntry[],
  peer: string,
  change: SessionChange,
): boolean {
  const pattern = new RegExp(String.raw`ADJCHANGE: neighbor ${peer}\b.* ${change}\b`);
  return log.some(({ text }) => pattern.test(text));
}

/** Changes of the kernel's route to `address` since `fromMs`, as `ip monitor` saw them. */
export async function readKernelRoutes(
  router: Router,
  address: string,
  fromMs: number,
): Promise<readonly KernelRoute[]> {
  return parseKernelRoutes(await readFile(router.routeLogFile, "utf8"), address).filter(
    (route) => route.atMs >= fromMs,
  );
}

/** Waits for FRR to log something that matches, at or after `fromMs`. */
export async function routerLogged(
  router: Router,
  pattern: RegExp,
  options: { readonly fromMs: number; readonly timeoutMs: number },
): Promise<LogEntry> {
  return waitFor(
    async () =>
      (await readRouterLog(router, options.fromMs)).find((entry) => pattern.test(entry.text)),
    { what: `${pattern.source} in the router's log`, timeoutMs: options.timeoutMs },
  );
}

/** Waits until the kernel's route to `address` changes, at or after `fromMs`, to what is wanted. */
export async function kernelRouteBecame(
  router: Router,
  address: string,
  isWanted: (gateways: readonly string[]) => boolean,
  options: { readonly fromMs: number; readonly timeoutMs: number; readonly what: string },
): Promise<KernelRoute> {
  return waitFor(
    async () =>
      (await readKernelRoutes(router, address, options.fromMs)).find((route) =>
        isWanted(route.gateways),
      ),
    { what: options.what, timeoutMs: options.timeoutMs },
  );
}

/** Of no network (RFC 5737). */
const markedAddress = "192.0.2.1";

/**
 * Resolves when the monitor has told of all that the kernel did to its routes before: of a route
 * made for that purpose, since it hears of changes in their order. A monitor that is dead tells of
 * nothing, which without this would pass for a kernel in which nothing happened.
 */
export async function monitorFollows(router: Router): Promise<void> {
  const route = [markedAddress, "dev", "lo"];
  const fromMs = Date.now();
  await runIn(router.namespace, "ip", ["route", "add", ...route]);
  try {
    await kernelRouteBecame(router, markedAddress, () => true, {
      fromMs,
      timeoutMs: 10_000,
      what: `the monitor of ${router.namespace} tells of a route`,
    });
  } finally {
    await runIn(router.namespace, "ip", ["route", "delete", ...route]);
  }
}

/** FRR's log file, written in UTC: `2026/11/22 11:50:26.596922 BGP: [...] text`. */
export function parseRouterLog(text: string): readonly LogEntry[] {
  return text.split("\n").flatMap((line) => {
    const match = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d)(\.\d+) (.*)$/.exec(line);
    if (match === null) return [];
    const [, year, month, day, time, fraction = "", rest = ""] = match;
    return [{ atMs: epochMs(`${year}-${month}-${day}T${time}`, fraction), text: rest }];
  });
}

/** The output of `ip -ts -o monitor route`, in UTC. */
export function parseKernelRoutes(text: string, address: string): readonly KernelRoute[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\[(\S+?)(\.\d+)\] (Deleted )?(\S+)(.*)$/.exec(line);
    if (match === null || match[4] !== address) return [];
    const [, time = "", fraction = "", deleted, , rest = ""] = match;
    const gateways = [...rest.matchAll(/\bvia (?:inet6 )?(\S+)/g)].map(
      ([, gateway = ""]) => gateway,
    );
    return [{ atMs: epochMs(time, fraction), gateways: deleted === undefined ? gateways : [] }];
  });
}

function epochMs(seconds: string, fraction: string): number {
  return Date.parse(`${seconds}Z`) + Number(`0${fraction}`) * 1000;
}
