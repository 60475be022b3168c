/** `npm run lab`: the scenario on one machine. See `usage`. */
import { parseArgs } from "node:util";
import { checkAll } from "./check.ts";
import { buildControlPlane } from "./cluster/build.ts";
import { RealKube } from "./cluster/real-kube.ts";
import { EmbeddedKube } from "./embedded-kube.ts";
import {
  Instance,
  InstanceTakenError,
  isInstanceId,
  livingOwner,
  removeDeadInstances,
  stopInstance,
} from "./instance.ts";
import { Lab } from "./lab.ts";
import { copyLogs, describeError, logTails } from "./logs.ts";
import { writeShellCommands } from "./shell-commands.ts";
import { giveTour, picture, playCommands } from "./tour.ts";
import { hasIpv6, parseVariant, type Variant } from "./variant.ts";

const usage = `npm run lab -- [--check | down] [options]

A cluster of four nodes, a router (FRR) and a client in network namespaces of this machine, with
RouteLB between them. Needs Linux and root.

  (nothing)         start it, show the tour, stay up until Ctrl-C
  --check           start it, check all that must be seen, end; exit 1 if something is not seen
  down              end a lab that runs, and remove what a crashed one left

  --id ID           several labs at a time: an id for this one (a-z and 0-9, at most 16; default "lab",
                    with --check one of its own)
  --kube real       a real control plane, built from source on first use (needs Go); default: the
                    lab's own API server
  --kubectl PATH    the kubectl to use, or "debian" for Debian's; default: PATH's, else Debian's
  --ipv6            the Service's address is IPv6, and so are the BGP sessions
  --dual-stack      the Service has an address of each family; sessions over IPv4 carry both
  --ibgp            internal sessions: routers and speakers in AS 64512
  --bfd             BFD watches the sessions: 300 ms, three packets
  --routers 2       two routers, with a client behind each; every speaker has a session to both
  --no-tour         without --check: start and stay up, no tour
  --logs DIRECTORY  copy all logs there at the end
  --help            this text
`;

interface Settings {
  readonly command: "tour" | "check" | "down";
  readonly id: string;
  readonly kube: "embedded" | "real";
  readonly variant: Variant;
  readonly kubectl: string | undefined;
  readonly logs: string | undefined;
  readonly hasTour: boolean;
}

function print(text: string): void {
  process.stdout.write(text);
}

/** Undefined: usage was printed. */
function readSettings(): Settings | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      check: { type: "boolean", default: false },
      "no-tour": { type: "boolean", default: false },
      id: { type: "string" },
      kube: { type: "string", default: "embedded" },
      ibgp: { type: "boolean", default: false },
      ipv6: { type: "boolean", default: false },
      "dual-stack": { type: "boolean", default: false },
      bfd: { type: "boolean", default: false },
      routers: { type: "string", default: "1" },
      kubectl: { type: "string" },
      logs: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const [word, second] = positionals;
  if (values.help) {
    print(usage);
    return undefined;
  }
  if (second !== undefined || (word !== undefined && (word !== "down" || values.check))) {
    throw new TypeError(`not understood: ${positionals.join(" ")}`);
  }
  // A check is not for others to find: several may run at a time.
  const ownId = values.check ? `check${process.pid.toString(36)}` : "lab";
  const { id = ownId, kubectl, logs } = values;
  if (!isInstanceId(id)) throw new TypeError(`not understood: --id ${id}`);
  const { kube } = values;
  if (kube !== "embedded" && kube !== "real") throw new TypeError(`not understood: --kube ${kube}`);
  const command = word === "down" ? "down" : values.check ? "check" : "tour";
  const variant = parseVariant(values);
  return { command, id, kube, variant, kubectl, logs, hasTour: !values["no-tour"] };
}

/** Resolves with the exit status. */
async function main(): Promise<number> {
  let settings: Settings | undefined;
  try {
    settings = readSettings();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (settings === undefined) return 0;
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    process.stderr.write(
      "The lab needs Linux and root (network namespaces, FRR); elsewhere, this works: npm run test:unit\n",
    );
    return 1;
  }
  return settings.command === "down" ? down(settings) : up(settings);
}

async function down(settings: Settings): Promise<number> {
  const owner = await livingOwner(settings.id);
  if (owner !== undefined) {
    print(`ending the lab "${owner.id}" (process ${owner.pid})\n`);
    await stopInstance(settings.id, 20_000);
  }
  const removed = await removeDeadInstances();
  if (removed.length > 0) print(`removed what was left of: ${removed.join(", ")}\n`);
  if (owner === undefined && removed.length === 0) print("no lab here\n");
  return 0;
}

async function up(settings: Settings): Promise<number> {
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (!ending.signal.aborted) process.stderr.write(`\n${signal}: cleaning up\n`);
      ending.abort();
    });
  }
  try {
    await using instance = await Instance.open(settings.id);
    const status = await runLab(settings, instance, ending.signal).catch(async (error: unknown) => {
      if (ending.signal.aborted) return 130;
      process.stderr.write(`${await logTails(instance)}\n${describeError(error)}\n`);
      return 1;
    });
    if (settings.logs !== undefined) await copyLogs(instance, settings.logs);
    return status;
  } catch (error) {
    if (!(error instanceof InstanceTakenError)) throw error;
    process.stderr.write(
      `${error.message}; end it with: npm run lab -- down${settings.id === "lab" ? "" : ` --id ${settings.id}`}\n`,
    );
    return 1;
  }
}

/** Resolves when the check is over or the user ends the lab; rejects if that is during the start. */
async function runLab(
  settings: Settings,
  instance: Instance,
  signal: AbortSignal,
): Promise<number> {
  const startMs = performance.now();
  const progress = (step: string): void => {
    const elapsed = `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
    print(`[${elapsed.padStart(7)}] ${step}\n`);
  };
  const { variant } = settings;
  print(`${picture(variant)}\n`);
  // While it starts something may be half made: an end is heeded between its steps.
  const lab = await Lab.start({
    instance,
    startKube: (of, until) =>
      settings.kube === "real"
        ? startRealKube(of, hasIpv6(variant))
        : EmbeddedKube.start(of, until),
    variant,
    signal,
    progress,
    ...(settings.kubectl !== undefined && { kubectl: settings.kubectl }),
  });
  signal.throwIfAborted();
  progress("the lab is up");
  const ended = new Promise<number>((resolve) => {
    signal.addEventListener("abort", () => resolve(130));
  });
  return Promise.race([ended, show(settings, lab, progress, signal)]);
}

async function show(
  settings: Settings,
  lab: Lab,
  progress: (step: string) => void,
  signal: AbortSignal,
): Promise<number> {
  if (settings.command === "check") {
    const isAllSeen = await checkAll(lab, print);
    if (!isAllSeen) process.stderr.write(await logTails(lab.instance));
    progress(isAllSeen ? "all of it was seen" : "NOT all of it was seen");
    return isAllSeen ? 0 : 1;
  }
  if (settings.hasTour) await giveTour(lab, print, signal);
  print(await playCommands(lab, await writeShellCommands(lab), settings.hasTour));
  return new Promise(() => undefined);
}

async function startRealKube(instance: Instance, isDualStack: boolean): Promise<RealKube> {
  return RealKube.start({ instance, binaries: await buildControlPlane(), isDualStack });
}

process.exit(await main());
