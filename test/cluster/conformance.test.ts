import { after, before } from "node:test";
import { type KubectlTarget, kubectlConformance } from "../conformance/kubectl.ts";
import { conformance } from "../conformance/suite.ts";
import { BareCluster } from "./bare-cluster.ts";

let cluster: BareCluster | undefined;
let target: KubectlTarget;

before(async () => {
  const started = await BareCluster.start("conf");
  cluster = started;
  const { access, kubectl } = started;
  target = {
    access,
    kubectl: kubectl.path,
    kubeconfig: kubectl.kubeconfig,
    forgetHistory: () => started.restartApiServer(),
  };
});

after(() => cluster?.[Symbol.asyncDispose]());

conformance(() => target);
kubectlConformance(() => target);
