import { readdir } from "node:fs/promises";
import { run } from "./command.ts";
import { pause } from "./wait.ts";

/** Where iproute2 keeps named network namespaces. */
const namespaceRoot = "/run/netns";

export function namespaceName(instanceId: string, name: string): string {
  return `rlb-${instanceId}-${name}`;
}

/** What, put before a command, runs it in `namespace`; mounts and process ids stay the caller's. */
export function inNamespace(namespace: string): readonly string[] {
  return ["nsenter", `--net=${namespaceRoot}/${namespace}`, "--"];
}

/** Runs a command in `namespace` and resolves with its standard output. */
export async function runIn(
  namespace: string,
  command: string,
  args: readonly string[],
  options: Parameters<typeof run>[2] = {},
): Promise<string> {
  const [enter = "nsenter", ...rest] = inNamespace(namespace);
  return run(enter, [...rest, command, ...args], options);
}

/**
 * Creates namespaces whose loopback is up. Their devices do not wait until it is known that nobody
 * else has their IPv6 addresses: nobody can. Each time a link comes up that would take its
 * link-local address one or two seconds, in which a kernel asks for no neighbour of a packet that
 * it forwards; a machine takes longer to boot, the lab's nodes do not.
 */
export async function createNamespaces(namespaces: readonly string[]): Promise<void> {
  await ipBatch(namespaces.map((name) => `netns add ${name}`));
  await Promise.all(
    namespaces.map(async (name) => {
      await setSysctls(name, { "net.ipv6.conf.default.accept_dad": 0 });
      await configure(name, ["link set lo up"]);
    }),
  );
}

/** One end of a cable. */
export interface Port {
  readonly namespace: string;
  /** At most 15 characters. */
  readonly device: string;
}

export interface Cable {
  readonly from: Port;
  readonly to: Port;
}

/** Makes veth pairs straight in their namespaces; the host's namespace never sees them. */
export async function connect(cables: readonly Cable[]): Promise<void> {
  await ipBatch(
    cables.map(
      ({ from, to }) =>
        `link add name ${from.device} netns ${from.namespace} type veth peer name ${to.device} netns ${to.namespace}`,
    ),
  );
}

/** Runs `ip` commands, one a line and without "ip", inside `namespace`; the first failure rejects. */
export async function configure(namespace: string, lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await ipBatch(lines, ["-n", namespace]);
}

/** The line for `configure` that gives a device an address in a network of usual size. */
export function addAddress(address: string, device: string): string {
  return `addr add ${address}/${address.includes(":") ? 64 : 24} dev ${device}`;
}

/** Sets kernel parameters of `namespace`: `{"net.ipv4.ip_forward": 1}`. */
export async function setSysctls(
  namespace: string,
  values: Readonly<Record<string, number | string>>,
): Promise<void> {
  const script = Object.entries(values)
    .map(([name, value]) => `echo ${value} > /proc/sys/${name.replaceAll(".", "/")}`)
    .join(" && ");
  await runIn(namespace, "sh", ["-c", script]);
}

/** The namespaces that exist and belong to the instance. */
export async function instanceNamespaces(instanceId: string): Promise<readonly string[]> {
  return namespacesUnder(namespaceName(instanceId, ""));
}

/** The namespaces that exist and whose full names start with `prefix`. */
export async function namespacesUnder(prefix: string): Promise<readonly string[]> {
  return (await listNamespaces()).filter((name) => name.startsWith(prefix));
}

/** The processes whose network namespace is `namespace`; none if it does not exist. */
export async function namespaceProcesses(namespace: string): Promise<readonly number[]> {
  if (!(await listNamespaces()).includes(namespace)) return [];
  const text = await run("ip", ["netns", "pids", namespace]);
  return text.split("\n").flatMap((line) => (line.trim() === "" ? [] : [Number(line)]));
}

/** Sends `signal` to every process in `namespace`; resolves with how many there were. */
export async function signalProcesses(namespace: string, signal: NodeJS.Signals): Promise<number> {
  const pids = await namespaceProcesses(namespace);
  for (const pid of pids) sendSignal(pid, signal);
  return pids.length;
}

/** Kills all processes in the namespaces and removes them; one that is already gone is fine. */
export async function deleteNamespaces(namespaces: readonly string[]): Promise<void> {
  await Promise.all(namespaces.map(killProcesses));
  const present = new Set(await listNamespaces());
  const lines = namespaces.filter((name) => present.has(name)).map((name) => `netns del ${name}`);
  if (lines.length > 0) await ipBatch(lines, ["-force"]).catch(onlyIfGone(namespaces));
}

/** False if there is no such process any more. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

async function killProcesses(namespace: string): Promise<void> {
  while ((await signalProcesses(namespace, "SIGKILL")) > 0) await pause(20);
}

/** `ip -force` fails if one line failed; that matters only where something is still there. */
function onlyIfGone(namespaces: readonly string[]): (error: unknown) => Promise<void> {
  return async (error) => {
    const present = new Set(await listNamespaces());
    if (namespaces.some((name) => present.has(name))) throw error;
  };
}

async function listNamespaces(): Promise<readonly string[]> {
  try {
    return await readdir(namespaceRoot);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

async function ipBatch(lines: readonly string[], flags: readonly string[] = []): Promise<void> {
  await run("ip", [...flags, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}
