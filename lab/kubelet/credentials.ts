import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { ApiClient } from "../api-client.ts";
import { textAt } from "../kube/json.ts";
import { type ApiAccess, formatKubeconfig } from "../kubeconfig.ts";
import { pause } from "../wait.ts";

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
  readonly file: string;
}

/** Writes a token of the Pod's ServiceAccount (TokenRequest) to a file that only root may read. */
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
  await mkdir(dirname(options.file), { recursive: true });
  await writeFile(options.file, token, { mode: 0o600 });
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
  await rm(options.file, { force: true });
}
