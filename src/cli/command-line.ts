import { UsageError } from "./flags.ts";
import type { CommandIo } from "./io.ts";
import { programVersion } from "./version.ts";

/** A subcommand. Its module is loaded when it runs, so that a small one starts fast. */
interface Command {
  readonly summary: string;
  /** The whole text of `routelb COMMAND --help`. */
  readonly usage: () => Promise<string>;
  /** Resolves to the exit code. */
  readonly run: (args: readonly string[], io: CommandIo) => Promise<number>;
}

const commands: Readonly<Record<string, Command>> = {
  controller: {
    summary: "give Services their addresses (Deployment)",
    usage: async () => (await import("./controller.ts")).controllerUsage,
    run: async (args, io) => (await import("./controller.ts")).runControllerCommand(args, io),
  },
  speaker: {
    summary: "advertise the addresses to the routers over BGP (DaemonSet)",
    usage: async () => (await import("./speaker.ts")).speakerUsage,
    run: async (args, io) => (await import("./speaker.ts")).runSpeakerCommand(args, io),
  },
  lint: {
    summary: "check a configuration before it is applied",
    usage: async () => (await import("./lint.ts")).lintUsage,
    run: async (args, io) => (await import("./lint.ts")).runLint(args, io),
  },
  status: {
    summary: "show sessions, pools and Services without an address",
    usage: async () => (await import("./status.ts")).statusUsage,
    run: async (args, io) => (await import("./status.ts")).runStatus(args, io),
  },
  explain: {
    summary: "tell where a Service is advertised, and why not elsewhere",
    usage: async () => (await import("./explain.ts")).explainUsage,
    run: async (args, io) => (await import("./explain.ts")).runExplain(args, io),
  },
  plan: {
    summary: "tell what a new configuration would change",
    usage: async () => (await import("./plan.ts")).planUsage,
    run: async (args, io) => (await import("./plan.ts")).runPlan(args, io),
  },
  "router-config": {
    summary: "print what the routers must be configured with",
    usage: async () => (await import("./router-config.ts")).routerConfigUsage,
    run: async (args, io) => (await import("./router-config.ts")).runRouterConfig(args, io),
  },
  convert: {
    summary: "make a ConfigMap of MetalLB's custom resources",
    usage: async () => (await import("./convert.ts")).convertUsage,
    run: async (args, io) => (await import("./convert.ts")).runConvert(args, io),
  },
  decode: {
    summary: "explain a BGP message in hexadecimal, field by field",
    usage: async () => (await import("./decode.ts")).decodeUsage,
    run: async (args, io) => (await import("./decode.ts")).runDecode(args, io),
  },
};

/**
 * Runs `routelb ARGS`.
 *
 * @returns the exit code: that of the command, or 2 for a command line that cannot be understood
 */
export async function runCommandLine(args: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined) {
    io.writeError(`${generalUsage()}\n`);
    return 2;
  }
  if (name === "version" || name === "--version") {
    io.write(`routelb ${programVersion()}\n`);
    return 0;
  }
  if (name === "help" || name === "--help" || name === "-h") {
    return help(rest[0], io);
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    io.writeError(`routelb: unknown command ${name}\n\n${generalUsage()}\n`);
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    io.write(`${await command.usage()}\n`);
    return 0;
  }
  try {
    return await command.run(rest, io);
  } catch (error) {
    if (!(error instanceof UsageError)) {
      throw error;
    }
    io.writeError(`routelb ${name}: ${error.message}\n\n${await command.usage()}\n`);
    return 2;
  }
}

async function help(name: string | undefined, io: CommandIo): Promise<number> {
  if (name === undefined) {
    io.write(`${generalUsage()}\n`);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    io.writeError(`routelb: unknown command ${name}\n\n${generalUsage()}\n`);
    return 2;
  }
  io.write(`${await command.usage()}\n`);
  return 0;
}

function generalUsage(): string {
  const rows = [
    ...Object.entries(commands).map(([name, { summary }]) => [name, summary] as const),
    ["version", "print the version"] as const,
    ["help [COMMAND]", "print this, or a command's flags"] as const,
  ];
  const lines = rows.map(([name, summary]) => `  ${name.padEnd(16)}${summary}`);
  return `usage: routelb COMMAND [FLAGS]\n\n${lines.join("\n")}`;
}
