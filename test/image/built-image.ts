import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../lab/command.ts";
import type { Instance } from "../../lab/instance.ts";
import { type Json, parseJson } from "../../lab/kube/json.ts";
import { LabProcess } from "../../lab/processes.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const minutes = 60_000;

/** The image that the Dockerfile makes, and its file system as one container of it has it. */
export class BuiltImage implements AsyncDisposable {
  /** Where the container's file system is on this machine. */
  readonly rootFolder: string;
  readonly #store: readonly string[];
  readonly #name: string;
  readonly #container: string;

  private constructor(
    store: readonly string[],
    name: string,
    container: string,
    rootFolder: string,
  ) {
    this.#store = store;
    this.#name = name;
    this.#container = container;
    this.rootFolder = rootFolder;
  }

  /** Builds with the Dockerfile as it is; only what stands in for its base image is made here. */
  static async build(buildArguments: readonly string[] = []): Promise<BuiltImage> {
    const script = join(root, "scripts/image-base.sh");
    const folder = (await run(script, [], { cwd: root, timeoutMs: 10 * minutes })).trim();
    const store = ["--root", join(folder, "root"), "--runroot", join(folder, "run")];
    const name = `localhost/routelb:test-${process.pid}`;
    const how = "bud --isolation chroot --pull-never --format docker".split(" ");
    const flags = [...how, ...buildArguments.flatMap((one) => ["--build-arg", one])];
    await run("buildah", [...store, ...flags, "-t", name, "."], {
      cwd: root,
      timeoutMs: 10 * minutes,
    });
    const container = (await run("buildah", [...store, "from", "--pull-never", name])).trim();
    const rootFolder = (await run("buildah", [...store, "mount", container])).trim();
    return new BuiltImage(store, name, container, rootFolder);
  }

  /** Its configuration, as OCI has it. */
  async config(): Promise<Json> {
    const inspected = await run("buildah", [
      ...this.#store,
      "inspect",
      "--type",
      "image",
      this.#name,
    ]);
    return parseJson(inspected);
  }

  /** Writes it to a file, as it would be pushed: layers compressed. */
  async save(file: string): Promise<void> {
    const target = `oci-archive:${file}`;
    await run("buildah", [...this.#store, "push", "--quiet", this.#name, target], {
      timeoutMs: 5 * minutes,
    });
  }

  /**
   * Starts the image's program as a runtime starts it under our manifests: as user 65532, without
   * any capability and without a way to get one, on a root that cannot be written, in the network
   * `namespace`. `files` of this machine are what it finds in /tmp.
   */
  async start(options: {
    readonly instance: Instance;
    readonly namespace: string;
    readonly name: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly files: string;
  }): Promise<LabProcess> {
    for (const folder of ["proc", "dev"]) {
      await mkdir(join(this.rootFolder, folder), { recursive: true });
    }
    const script = [
      'mount --bind "$1" "$1"',
      'mount --bind "$2" "$1/tmp"',
      'mount --rbind /dev "$1/dev"',
      'mount -t proc proc "$1/proc"',
      'mount -o remount,bind,ro "$1/tmp"',
      'mount -o remount,bind,ro "$1"',
      'root=$1 && shift 2 && exec setpriv --no-new-privs -- chroot --userspec=65532:65532 --groups= "$root" "$@"',
    ].join(" && ");
    return LabProcess.start({
      name: options.name,
      namespace: options.namespace,
      command: [
        ..."unshare --mount --propagation private -- sh -c".split(" "),
        script,
        "sh",
        this.rootFolder,
        options.files,
        "/usr/local/bin/node",
        "/app/routelb.js",
        ...options.args,
      ],
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...options.env },
      logFile: options.instance.path(`${options.name}.log`),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("buildah", [...this.#store, "rm", this.#container]);
    await run("buildah", [...this.#store, "rmi", "--force", this.#name]);
  }
}

/** A line of /proc/PID/status. */
export async function processStatus(pid: number, field: string): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return new RegExp(`^${field}:[ \\t]*(.*?)[ \\t]*$`, "m").exec(status)?.[1] ?? "";
}
