import { join, relative } from "node:path";

const checkout = join(import.meta.dirname, "../..");

/** Whom the containers of our image run as. */
export const containerUser = 65532;

/** Where a container of our image finds this checkout, whose own path others may not enter. */
const checkoutInside = "/mnt";

export interface Sandbox {
  /** The folder that is the container's /run: it holds secrets/kubernetes.io/serviceaccount. */
  readonly runFolder: string;
}

/**
 * The command line that runs a file of this checkout the way a container of the image `routelb`
 * runs: as user 65532 without any capability, with the Pod's ServiceAccount where every container
 * has it. Mounts are seen by that process alone; its network is the caller's.
 */
export function sandboxed(
  { runFolder }: Sandbox,
  program: string,
  args: readonly string[],
): readonly string[] {
  const mount = 'mount --bind "$0" /run && mount --bind "$1" "$2" && shift 2 && exec "$@"';
  const unshare = "unshare --mount --propagation private -- sh -c".split(" ");
  const drop = `--reuid=${containerUser} --regid=${containerUser} --clear-groups --no-new-privs`;
  const setpriv = `setpriv ${drop} --bounding-set=-all --inh-caps=-all --`.split(" ");
  // Another user: what the kernel was told of the parent's end does not hold any more.
  const dieWithParent = "setpriv --pdeathsig KILL --".split(" ");
  const command = [inside(process.execPath), inside(program), ...args];
  const mounts = [mount, runFolder, checkout, checkoutInside];
  return [...unshare, ...mounts, ...setpriv, ...dieWithParent, ...command];
}

/** A path as the container sees it. */
function inside(path: string): string {
  const below = relative(checkout, path);
  return below.startsWith("..") ? path : join(checkoutInside, below);
}
