import { chown, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command.ts";
import { type Json, parseJson } from "./kube/json.ts";
import { runIn } from "./namespaces.ts";
import { LabProcess } from "./processes.ts";
import { HopelessError, waitFor } from "./wait.ts";

export interface RouterOptions {
  /** Where the router runs; its interfaces are configured by the caller. */
  readonly namespace: string;
  /** A directory for its files: configuration, sockets, logs. Made here, owned by FRR's user. */
  readonly directory: string;
  /** bgpd's configuration: `router bgp ...`, route-maps, prefix-lists. */
  readonly config: string;
  /** Interface and static route lines, for zebra. */
  readonly zebraConfig?: string;
  /** bfdd's configuration; without it, and without `bfd`, there is no bfdd. */
  readonly bfdConfig?: string;
  readonly bfd?: boolean;
}

export type Daemon = "zebra" | "bgpd" | "bfdd";

/**
 * FRR in a namespace, private in every respect: configuration, sockets, pid files, logs and
 * temporary files lie in its directory, and the host's FRR is neither read nor touched.
 */
export class Router implements AsyncDisposable {
  readonly namespace: string;
  readonly directory: string;
  /** Every daemon's log, with microseconds, in UTC. */
  readonly logFile: string;
  /** `ip -ts monitor route`: the kernel's unicast routes as they change, with microseconds, in UTC. */
  readonly routeLogFile: string;
  readonly #options: RouterOptions;
  readonly #daemons = new Map<Daemon, LabProcess>();
  #monitor: LabProcess | undefined;

  private constructor(options: RouterOptions) {
    this.#options = options;
    this.namespace = options.namespace;
    this.directory = options.directory;
    this.logFile = join(options.directory, "frr.log");
    this.routeLogFile = join(options.directory, "kernel-routes.log");
  }

  /** Resolves when all daemons answer vtysh. */
  static async start(options: RouterOptions): Promise<Router> {
    const router = new Router(options);
    try {
      await router.#prepare();
      await router.#startMonitor();
      await router.#startDaemons();
      return router;
    } catch (error) {
      await router.close();
      throw error;
    }
  }

  /** The command line, ready to paste, that opens vtysh on this router or runs `command` in it. */
  vtyshCommand(command?: string): readonly string[] {
    const where = ["vtysh", "--vty_socket", this.directory, "--config_dir", this.directory];
    return command === undefined ? where : [...where, "-c", command];
  }

  /** Runs commands in one vtysh; rejects if one is unknown or refused. */
  async vtysh(...commands: readonly string[]): Promise<string> {
    const [vtysh = "", ...where] = this.vtyshCommand();
    return run(vtysh, [...where, ...commands.flatMap((command) => ["-c", command])]);
  }

  /** As `vtysh`, of one command that ends in `json`. */
  async vtyshJson(command: string): Promise<Json> {
    return parseJson(await this.vtysh(command));
  }

  /** Configuration lines, as typed after `configure terminal`. */
  async configure(...lines: readonly string[]): Promise<void> {
    await this.vtysh("configure terminal", ...lines);
  }

  /** Loads a file of configuration lines, and resolves with what vtysh said of it. */
  async load(file: string): Promise<string> {
    const [vtysh = "", ...where] = this.vtyshCommand();
    return run(vtysh, [...where, "-f", file]);
  }

  /** `ip -j route show` of the router's kernel; with an address, of its family. */
  async kernelRoutes(...selector: readonly string[]): Promise<Json> {
    const family = selector.some((word) => word.includes(":")) ? "-6" : "-4";
    const words = [family, "-j", "route", "show", ...selector];
    return parseJson(await runIn(this.namespace, "ip", words));
  }

  /** SIGSTOP makes a daemon hang, SIGCONT lets it go on. */
  signal(daemon: Daemon, signal: NodeJS.Signals): void {
    const process = this.#daemons.get(daemon);
    if (process === undefined) throw new RangeError(`no ${daemon} in ${this.namespace}`);
    process.signal(signal);
  }

  /** Ends all daemons without a word to anybody. */
  async kill(): Promise<void> {
    await Promise.all(
      [...this.#daemons.values()].map((daemon) => {
        daemon.signal("SIGKILL");
        return daemon.exited;
      }),
    );
  }

  /** Ends all daemons that run, and starts them again with the configuration of `start`. */
  async restart(): Promise<void> {
    await this.#stopDaemons();
    await this.#startDaemons();
  }

  async close(): Promise<void> {
    await Promise.all([this.#monitor?.stop(), this.#stopDaemons()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #prepare(): Promise<void> {
    await mkdir(join(this.directory, "tmp"), { recursive: true });
    const [uid, gid] = await frrUser();
    await writeFile(this.logFile, "");
    await writeFile(join(this.directory, "vtysh.conf"), "service integrated-vtysh-config\n");
    for (const path of [this.directory, join(this.directory, "tmp"), this.logFile]) {
      await chown(path, uid, gid);
    }
  }

  async #startMonitor(): Promise<void> {
    this.#monitor = await LabProcess.start({
      name: "ip monitor",
      namespace: this.namespace,
      command: ["ip", "-ts", "-o", "monitor", "route"],
      env: universalTime(),
      logFile: this.routeLogFile,
    });
  }

  async #stopDaemons(): Promise<void> {
    const daemons = [...this.#daemons.values()];
    this.#daemons.clear();
    // One that hangs hears no SIGTERM.
    for (const daemon of daemons) daemon.signal("SIGCONT");
    await Promise.all(daemons.map((daemon) => daemon.stop()));
  }

  async #startDaemons(): Promise<void> {
    const { config, zebraConfig = "", bfd, bfdConfig } = this.#options;
    await this.#startDaemon("zebra", zebraConfig);
    if (bfd === true || bfdConfig !== undefined) await this.#startDaemon("bfdd", bfdConfig ?? "");
    await this.#startDaemon("bgpd", config);
  }

  async #startDaemon(daemon: Daemon, config: string): Promise<void> {
    const configFile = join(this.directory, `${daemon}.conf`);
    const logging = `log file ${this.logFile}\nlog timestamp precision 6\n`;
    await writeFile(configFile, `${logging}${config}\n`);
    const [uid, gid] = await frrUser();
    await chown(configFile, uid, gid);
    const process = await LabProcess.start({
      name: daemon,
      namespace: this.namespace,
      command: [...this.#ownVarTmp(), ...asFrr(), ...this.#daemonCommand(daemon, configFile)],
      env: universalTime(),
      logFile: join(this.directory, `${daemon}.out`),
    });
    this.#daemons.set(daemon, process);
    const socket = join(this.directory, `${daemon}.vty`);
    await waitFor(async () => this.#isReady(process, socket), {
      what: `${daemon} in ${this.#options.namespace} answers`,
      timeoutMs: 20_000,
    });
  }

  /** FRR keeps crash reports in /var/tmp/frr, whatever it is told: there, too, it sees its own. */
  #ownVarTmp(): readonly string[] {
    const script = 'mount --bind "$0" /var/tmp && exec "$@"';
    const unshare = "unshare --mount --propagation private -- sh -c".split(" ");
    return [...unshare, script, join(this.directory, "tmp")];
  }

  #daemonCommand(daemon: Daemon, configFile: string): readonly string[] {
    const path = (name: string): string => join(this.directory, name);
    const files = ["-f", configFile, "-i", path(`${daemon}.pid`), "-z", path("zserv.api")];
    const own = { bgpd: [], bfdd: ["--bfdctl", path("bfdd.sock")], zebra: zebraFlags }[daemon];
    return [`/usr/lib/frr/${daemon}`, ...files, "--vty_socket", this.directory, "-P", "0", ...own];
  }

  async #isReady(daemon: LabProcess, socket: string): Promise<true | undefined> {
    if (!daemon.running) {
      throw new HopelessError(`${daemon.name} ended: ${await readFile(this.logFile, "utf8")}`);
    }
    await stat(socket);
    const where = this.vtyshCommand().slice(1);
    await run("vtysh", [...where, "-d", daemon.name, "-c", "show version"]);
    return true;
  }
}

/**
 * FRR's daemons would change from root to their user by themselves, and the kernel then forgets
 * that they are to die with the lab.
 */
function asFrr(): readonly string[] {
  const names = ["net_bind_service", "net_admin", "net_raw", "sys_admin", "setuid", "setgid"];
  const capabilities = names.map((name) => `+${name}`).join(",");
  const user = ["--reuid=frr", "--regid=frr", "--init-groups"];
  const rights = [`--inh-caps=${capabilities}`, `--ambient-caps=${capabilities}`];
  return ["setpriv", ...user, ...rights, "--", "setpriv", "--pdeathsig", "KILL", "--"];
}

function universalTime(): NodeJS.ProcessEnv {
  return { ...process.env, TZ: "UTC" };
}

/** Changes an IPv6 route in one go; otherwise it is deleted first, and traffic has none meanwhile. */
const zebraFlags = ["--v6-rr-semantics"];

/** User and group of FRR's packages. */
async function frrUser(): Promise<readonly [number, number]> {
  const uid = Number((await run("id", ["-u", "frr"])).trim());
  const gid = Number((await run("id", ["-g", "frr"])).trim());
  return [uid, gid];
}
