import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before } from "node:test";
import { buildControlPlane } from "../../lab/cluster/build.ts";
import { ControlPlane } from "../../lab/cluster/control-plane.ts";
import { Instance } from "../../lab/instance.ts";
import { formatKubeconfig, readKubeconfig } from "../../lab/kubeconfig.ts";
import { configure, createNamespaces } from "../../lab/namespaces.ts";
import { relayToSocket } from "../../lab/relay.ts";
import { type KubectlTarget, kubectlConformance } from "../conformance/kubectl.ts";
import { conformance } from "../conformance/suite.ts";

const resources = new AsyncDisposableStack();
let target: KubectlTarget;

before(async () => {
  const lab = resources.use(await Instance.open(`conf${process.pid}`));
  const namespace = lab.namespace("node0");
  const address = "172.16.7.10";
  await createNamespaces([namespace]);
  await configure(namespace, [
    "link add k8s type bridge",
    `addr add ${address}/24 dev k8s`,
    "link set k8s up",
  ]);
  const binaries = await buildControlPlane();
  const controlPlane = resources.use(
    await ControlPlane.start({
      binaries,
      folder: lab.path("cluster"),
      address,
      namespace,
      nodeNames: [],
      nodeGraceSeconds: 40,
    }),
  );
  const relay = resources.use(await relayToSocket(controlPlane.socket));
  const admin = await readKubeconfig(controlPlane.kubeconfig("admin"));
  const reachable = { ...admin, server: `https://127.0.0.1:${relay.port}` };
  const kubeconfig = lab.path("host.kubeconfig");
  await writeFile(kubeconfig, formatKubeconfig(reachable), { mode: 0o600 });
  target = {
    access: reachable,
    kubectl: join(binaries, "kubectl"),
    kubeconfig,
    forgetHistory: async () => {
      await controlPlane.stopApiServer();
      await controlPlane.startApiServer();
    },
  };
});

after(() => resources.disposeAsync());

conformance(() => target);
kubectlConformance(() => target);
