import { basename, dirname, join } from "node:path";

/** Whom the containers of our image run as. */
export const containerUser = 65532;

/** Folders of this machine that a container sees, and where: their own paths others may not enter. */
const nodeInside = "/mnt";
const programInside = "/srv";

export interface Sandbox {
  /** The folder that is the container's /run: it holds secrets/kubernetes.io/serviceaccount. */
  readonly runFolder: string;
}

/**
 * The command line that runs `program`, a JavaScript file or a static binary, the way a container of
 * the image `routelb` runs: as user 65532 without any capability, with the Pod's ServiceAccount where
 * every container has it. Mounts are seen by that process alone; its network is the caller's.
 */
export function sandboxed(
  { runFolder }: Sandbox,
  program: string,
  args: readonly string[],
): readonly string[] {
  const binds = [
    [dirname(process.execPath), nodeInside],
    [dirname(program), programInside],
    [runFolder, "/run"],
  ];
  const unshare = "unshare --mount --propagation private -- sh -c".split(" ");
  const mount = binds.map((_, index) => `mount --bind "$${2 * index + 1}" "$${2 * index + 2}"`);
  const script = `${mount.join(" && ")} && shift ${2 * binds.length} && exec "$@"`;
  const drop = `--reuid=${containerUser} --regid=${containerUser} --clear-groups --no-new-privs`;
  const setpriv = `setpriv ${drop} --bounding-set=-all --inh-caps=-all --`.split(" ");
  // Another user: what the kernel was told of the parent's end does not hold any more.
  const dieWithParent = "setpriv --pdeathsig KILL --".split(" ");
  const node = program.endsWith(".js") ? [join(nodeInside, basename(process.execPath))] : [];
  const command = [...node, join(programInside, basename(program)), ...args];
  return [...unshare, script, "sh", ...binds.flat(), ...setpriv, ...dieWithParent, ...command];
}
