import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { type Json, listAt, objectAt, textAt } from "./kube/json.ts";

/** How to reach an API server, and as whom. */
export interface ApiAccess {
  /** `http://172.16.7.10:8080`, without a path. */
  readonly server: string;
  readonly token?: string;
  /** Read again for each connection, since tokens rotate. */
  readonly tokenFile?: string;
  /** PEM. */
  readonly certificateAuthority?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
}

/**
 * Reads the current context of a kubeconfig file: token, token file or client certificate.
 *
 * @throws Error naming the file and what is missing in it
 */
export async function readKubeconfig(file: string): Promise<ApiAccess> {
  const config: Json = parse(await readFile(file, "utf8"));
  const name = textAt(config, "current-context");
  const context = objectAt(named(config, "contexts", name), "context");
  const cluster = objectAt(named(config, "clusters", textAt(context, "cluster")), "cluster");
  const user = objectAt(named(config, "users", textAt(context, "user")), "user");
  const server = textAt(cluster, "server");
  if (server === undefined) throw new Error(`${file}: no server in the current context`);
  const certificateAuthority = await pem(file, cluster, "certificate-authority");
  const clientCertificate = await pem(file, user, "client-certificate");
  const clientKey = await pem(file, user, "client-key");
  const token = textAt(user, "token");
  const tokenFile = textAt(user, "tokenFile");
  return {
    server: server.replace(/\/$/, ""),
    ...(token !== undefined && { token }),
    ...(tokenFile !== undefined && { tokenFile: resolve(dirname(file), tokenFile) }),
    ...(certificateAuthority !== undefined && { certificateAuthority }),
    ...(clientCertificate !== undefined && { clientCertificate }),
    ...(clientKey !== undefined && { clientKey }),
  };
}

/** A kubeconfig file's text (JSON, which is YAML) for `access`. */
export function formatKubeconfig(access: ApiAccess): string {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const { certificateAuthority, clientCertificate, clientKey, token, tokenFile } = access;
  const cluster = {
    server: access.server,
    ...(certificateAuthority !== undefined && {
      "certificate-authority-data": base64(certificateAuthority),
    }),
  };
  const user = {
    ...(token !== undefined && { token }),
    ...(tokenFile !== undefined && { tokenFile }),
    ...(clientCertificate !== undefined && {
      "client-certificate-data": base64(clientCertificate),
    }),
    ...(clientKey !== undefined && { "client-key-data": base64(clientKey) }),
  };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "lab",
    clusters: [{ name: "lab", cluster }],
    users: [{ name: "lab", user }],
    contexts: [{ name: "lab", context: { cluster: "lab", user: "lab", namespace: "default" } }],
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

function named(config: Json, list: string, name: string | undefined): Json | undefined {
  return listAt(config, list).find((entry) => textAt(entry, "name") === name);
}

/** The PEM text under `key`, given as a file or in base64 under `key`-data. */
async function pem(file: string, holder: Json, key: string): Promise<string | undefined> {
  const inline = textAt(holder, `${key}-data`);
  if (inline !== undefined) return Buffer.from(inline, "base64").toString();
  const path = textAt(holder, key);
  return path === undefined ? undefined : readFile(resolve(dirname(file), path), "utf8");
}
