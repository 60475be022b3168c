import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Lab } from "./lab.ts";
import { scenario } from "./scenario.ts";

/**
 * Writes a folder of commands for somebody who plays with the lab, to be put before PATH: `kubectl`
 * and `routelb` with the lab's cluster, `vtysh` with its router, and `on PLACE COMMAND`, where PLACE
 * is `router`, `client` or a node.
 *
 * @returns the folder
 */
export async function writeShellCommands(lab: Lab): Promise<string> {
  const folder = lab.instance.path("bin");
  await mkdir(folder, { recursive: true });
  const { router, client } = lab.topology;
  const places = [
    ["router", router.namespace],
    ["client", client],
    ...scenario.nodes.map(({ name }) => [name, lab.topology.node(name)]),
  ];
  const withCluster = `export KUBECONFIG=${lab.kubectl.kubeconfig}\nexec`;
  const scripts = {
    kubectl: `${withCluster} ${lab.kubectl.path} "$@"`,
    routelb: `${withCluster} ${process.execPath} ${lab.program} "$@"`,
    vtysh: `exec /usr/bin/${router.vtyshCommand().join(" ")} "$@"`,
    on: `place=$1; shift
case $place in
${places.map(([name, namespace]) => `${name}) exec ip netns exec ${namespace} "$@" ;;`).join("\n")}
esac
echo "on: no place $place; there are ${places.map(([name]) => name).join(", ")}" >&2
exit 2`,
  };
  for (const [name, script] of Object.entries(scripts)) {
    const path = join(folder, name);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  }
  return folder;
}
