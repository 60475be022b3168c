/**
 * Takes an instance with a namespace and a process in it, says so, and waits to be killed:
 *
 *     node hold-instance.ts ID
 */
import { Instance } from "../../../lab/instance.ts";
import { createNamespaces } from "../../../lab/namespaces.ts";
import { LabProcess } from "../../../lab/processes.ts";
import { Router } from "../../../lab/router.ts";

const instance = await Instance.open(process.argv[2] ?? "");
const namespace = instance.namespace("one");
await createNamespaces([namespace]);
await LabProcess.start({
  name: "sleep",
  namespace,
  command: ["sleep", "600"],
  logFile: instance.path("sleep.log"),
});
await Router.start({
  namespace,
  directory: instance.path("router"),
  config: "router bgp 64512\n bgp router-id 192.0.2.1",
});
process.on("SIGTERM", () => void instance.close().then(() => process.exit(0)));
process.stdout.write("holding\n");
setInterval(() => undefined, 60_000);
