import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { type ApiServer, startApiServer } from "../../lab/kube/server.ts";
import { formatKubeconfig } from "../../lab/kubeconfig.ts";
import { findKubectl } from "../../lab/kubectl.ts";
import { type KubectlTarget, kubectlConformance } from "../conformance/kubectl.ts";

let folder: string;
let server: ApiServer;
let target: KubectlTarget;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "routelb-kubectl-"));
  server = await startApiServer();
  const access = { server: server.url };
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, formatKubeconfig(access));
  const kubectl = await findKubectl(undefined);
  target = { access, kubectl, kubeconfig, forgetHistory: async () => server.compact() };
});

after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

kubectlConformance(() => target);
