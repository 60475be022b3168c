import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Instance } from "../../lab/instance.ts";
import { formatKubeconfig } from "../../lab/kubeconfig.ts";
import { configure, createNamespaces, runIn } from "../../lab/namespaces.ts";
import { LabProcess } from "../../lab/processes.ts";
import { waitFor } from "../../lab/wait.ts";
import { BareCluster } from "../../test/cluster/bare-cluster.ts";
import type { Subject } from "./subject.ts";

/** An API server in a network namespace; what is measured runs in there as well. */
export interface Place extends AsyncDisposable {
  readonly namespace: string;
  /** An administrator's, for programs in the namespace. */
  readonly kubeconfig: string;
  /** For files of the run. */
  readonly instance: Instance;
}

export interface ServerKind {
  readonly name: "embedded" | "real";
  readonly title: string;
  /** MetalLB's controller does not know the embedded server's ways. */
  readonly subjects: readonly Subject["name"][];
  readonly start: () => Promise<Place>;
}

export const serverKinds: readonly ServerKind[] = [
  {
    name: "embedded",
    title: "the lab's embedded API server",
    subjects: ["routelb"],
    start: startEmbedded,
  },
  {
    name: "real",
    title: "kube-apiserver with etcd",
    subjects: ["routelb", "metallb"],
    start: startReal,
  },
];

const address = "172.16.7.10";

async function startEmbedded(): Promise<Place> {
  await using started = new AsyncDisposableStack();
  const instance = started.use(await Instance.open(`benchc${process.pid}`));
  const namespace = instance.namespace("node0");
  await createNamespaces([namespace]);
  await configure(namespace, [
    "link add k8s type bridge",
    `addr add ${address}/24 dev k8s`,
    "link set k8s up",
  ]);
  const server = `http://${address}:8080`;
  const program = fileURLToPath(new URL("../../lab/kube/main.ts", import.meta.url));
  started.use(
    await LabProcess.start({
      name: "API server",
      namespace,
      command: [process.execPath, program, `--listen=${address}:8080`],
      logFile: instance.path("api-server.log"),
    }),
  );
  const kubeconfig = instance.path("kubeconfig");
  await writeFile(kubeconfig, formatKubeconfig({ server }));
  const probe = `await fetch("${server}/readyz")`;
  await waitFor(() => runIn(namespace, process.execPath, ["--input-type=module", "-e", probe]), {
    what: "the embedded API server answers",
    timeoutMs: 30_000,
    intervalMs: 200,
  });
  return place({ namespace, kubeconfig, instance }, started.move());
}

async function startReal(): Promise<Place> {
  await using started = new AsyncDisposableStack();
  const { controlPlane, instance, namespace } = started.use(
    await BareCluster.start("benchc", { isBare: true }),
  );
  const kubeconfig = controlPlane.kubeconfig("admin");
  return place({ namespace, kubeconfig, instance }, started.move());
}

function place(parts: Omit<Place, symbol>, resources: AsyncDisposableStack): Place {
  return { ...parts, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}
