import { chown, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ApiClient } from "../api-client.ts";
import { textAt } from "../kube/json.ts";
import { type ApiAccess, formatKubeconfig } from "../kubeconfig.ts";
import { pause } from "../wait.ts";
import { containerUser } from "./sandbox.ts";

const tokenSeconds = 3_600;

/** Writes a kubeconfig file, which only root may read, at `file`. */
export async function writeKubeconfig(file: string, access: ApiAccess): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, formatKubeconfig(access), { mode: 0o600 });
}

export interface TokenOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** The Pod that the token is bound to: it ends with the Pod. */
  readonly pod: { readonly name: string; readonly uid: string };
  /** The folder of the files `token`, `ca.crt` and `namespace`. */
  readonly folder: string;
  /** PEM; absent for a server without TLS. */
  readonly certificateAuthority?: string;
}

/** Writes what every container finds of its ServiceAccount, readable by the container's user. */
export async function writeServiceAccount(options: TokenOptions): Promise<void> {
  await mkdir(options.folder, { recursive: true });
  await writeFile(join(options.folder, "namespace"), options.namespace);
  await writeFile(join(options.folder, "ca.crt"), options.certificateAuthority ?? "");
  await writeToken(options);
}

/** Asks for a new token of the Pod's ServiceAccount (TokenRequest) and puts it in place at once. */
export async function writeToken(options: TokenOptions): Promise<void> {
  const account = `${options.namespace}/serviceaccounts/${options.serviceAccount}`;
  const request = await options.client.create(`/api/v1/namespaces/${account}/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: {
      expirationSeconds: tokenSeconds,
      boundObjectRef: { apiVersion: "v1", kind: "Pod", ...options.pod },
    },
  });
  const token = textAt(request, "status", "token");
  if (token === undefined) throw new Error(`no token for ${account}`);
  const file = join(options.folder, "token");
  await writeFile(`${file}.new`, token, { mode: 0o600 });
  await chown(`${file}.new`, containerUser, containerUser);
  await rename(`${file}.new`, file);
}

/** Writes a new token when four fifths of the old one's time are over, until `signal` is aborted. */
export async function keepToken(
  options: TokenOptions,
  signal: AbortSignal,
  log: (message: string, error?: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    await pause(tokenSeconds * 800, signal).catch(() => undefined);
    if (signal.aborted) break;
    await writeToken(options).catch((error: unknown) => log("token", error));
  }
}
