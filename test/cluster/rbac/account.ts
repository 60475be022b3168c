import { writeFile } from "node:fs/promises";
import { booleanAt, type JsonObject, textAt } from "../../../lab/kube/json.ts";
import { formatKubeconfig } from "../../../lab/kubeconfig.ts";
import { waitFor } from "../../../lab/wait.ts";
import { formatGrant, type Grant, shippedGrants } from "../../deploy/manifests.ts";
import type { BareCluster } from "../bare-cluster.ts";

export type Component = "controller" | "speaker";

/** A ServiceAccount in a namespace of its own, with the rights that `deploy/` gives but for one. */
export interface Account {
  readonly component: Component;
  readonly namespace: string;
  /** A file, with a token of the account. */
  readonly kubeconfig: string;
  /** As the audit log names it. */
  readonly user: string;
}

const rbac = "rbac.authorization.k8s.io";

/** Resolves when the API server allows all that remains, and refuses `without`. */
export async function createAccount(
  cluster: BareCluster,
  options: { readonly id: string; readonly component: Component; readonly without?: Grant },
): Promise<Account> {
  const { id: namespace, component, without } = options;
  const { api } = cluster;
  const user = `system:serviceaccount:${namespace}:${component}`;
  const all = shippedGrants().filter(({ account }) => account === component);
  const granted = all.filter((grant) => !sameGrant(grant, without));
  await api.create("/api/v1/namespaces", object("v1", "Namespace", { name: namespace }));
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  await api.create(accounts, object("v1", "ServiceAccount", { name: component }));
  await bind(cluster, "ClusterRole", undefined, granted, { namespace, component });
  for (const where of new Set(all.flatMap((grant) => grant.namespace ?? []))) {
    await bind(cluster, "Role", where, granted, { namespace, component });
  }
  for (const grant of all) {
    await waitFor(
      async () =>
        (await isAllowed(cluster, user, grant, namespace)) === granted.includes(grant) || undefined,
      { what: `the authorizer knows the rule: ${formatGrant(grant)}`, timeoutMs: 30_000 },
    );
  }
  const request = await api.create(`${accounts}/${component}/token`, {
    ...object("authentication.k8s.io/v1", "TokenRequest", {}),
    spec: { expirationSeconds: 3_600 },
  });
  const token = textAt(request, "status", "token") ?? "";
  const kubeconfig = cluster.instance.path(`${namespace}.kubeconfig`);
  const { server, certificateAuthority = "" } = cluster.access;
  await writeFile(kubeconfig, formatKubeconfig({ server, certificateAuthority, token }), {
    mode: 0o600,
  });
  return { component, namespace, kubeconfig, user };
}

export function sameGrant(a: Grant, b: Grant | undefined): boolean {
  return b !== undefined && a.account === b.account && formatGrant(a) === formatGrant(b);
}

/** A role with those of `grants` that belong into it, and its binding. */
async function bind(
  { api }: BareCluster,
  kind: Grant["role"],
  where: string | undefined,
  grants: readonly Grant[],
  { namespace, component }: Pick<Account, "namespace" | "component">,
): Promise<void> {
  const inNamespace = where === "default" ? where : namespace;
  const root = `/apis/${rbac}/v1/${kind === "Role" ? `namespaces/${inNamespace}/` : ""}`;
  const metadata = { name: namespace };
  const rules = grants
    .filter((grant) => grant.role === kind && grant.namespace === where)
    .map(({ apiGroup, resource, name, verb }) => ({
      apiGroups: [apiGroup],
      resources: [resource],
      verbs: [verb],
      ...(name !== undefined && { resourceNames: [name] }),
    }));
  await api.create(`${root}${kind.toLowerCase()}s`, {
    ...object(`${rbac}/v1`, kind, metadata),
    rules,
  });
  await api.create(`${root}${kind.toLowerCase()}bindings`, {
    ...object(`${rbac}/v1`, `${kind}Binding`, metadata),
    roleRef: { apiGroup: rbac, kind, name: namespace },
    subjects: [{ kind: "ServiceAccount", name: component, namespace }],
  });
}

async function isAllowed(
  { api }: BareCluster,
  user: string,
  { apiGroup, resource, name, verb, namespace: where }: Grant,
  own: string,
): Promise<boolean> {
  const [plural = "", subresource] = resource.split("/");
  const review = await api.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", {
    ...object("authorization.k8s.io/v1", "SubjectAccessReview", {}),
    spec: {
      user,
      resourceAttributes: {
        group: apiGroup,
        resource: plural,
        verb,
        ...(subresource !== undefined && { subresource }),
        ...(name !== undefined && { name }),
        ...(where !== undefined && { namespace: where === "default" ? where : own }),
      },
    },
  });
  return booleanAt(review, "status", "allowed") ?? false;
}

export function object(apiVersion: string, kind: string, metadata: JsonObject): JsonObject {
  return { apiVersion, kind, metadata };
}
