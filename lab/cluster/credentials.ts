import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../command.ts";
import { formatKubeconfig } from "../kubeconfig.ts";

/** Who may speak to the API server from outside its own ServiceAccounts. */
export interface Account {
  readonly name: string;
  /** The user that Kubernetes' own bootstrap roles are bound to. */
  readonly user: string;
  readonly groups: readonly string[];
}

/** The accounts of a cluster with these nodes: an administrator, each component, each kubelet. */
export function accountsOf(nodeNames: readonly string[]): Account[] {
  const component = (name: string) => ({ name, user: `system:${name}`, groups: [] });
  return [
    { name: "admin", user: "admin", groups: ["system:masters"] },
    component("kube-controller-manager"),
    component("kube-scheduler"),
    component("kube-proxy"),
    ...nodeNames.map((node) => ({
      name: `kubelet-${node}`,
      user: `system:node:${node}`,
      groups: ["system:nodes"],
    })),
  ];
}

export interface Credentials {
  /** PEM certificate of the API server: its own authority. */
  readonly certificateFile: string;
  readonly keyFile: string;
  /** `--token-auth-file`: token, user, uid, groups. */
  readonly tokenFile: string;
  readonly serviceAccountKeyFile: string;
  readonly serviceAccountPublicKeyFile: string;
  /** The kubeconfig of each account, by its name. */
  readonly kubeconfigs: ReadonlyMap<string, string>;
}

/**
 * Makes fresh secrets for one control plane in `folder` (mode 0700).
 *
 * The certificate is good for every address that is named, and for `localhost` and 127.0.0.1, so
 * that a relay on the host serves the same kubeconfig with another port.
 */
export async function writeCredentials(options: {
  readonly folder: string;
  readonly server: string;
  readonly addresses: readonly string[];
  readonly accounts: readonly Account[];
}): Promise<Credentials> {
  const { folder } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const certificateFile = join(folder, "apiserver.crt");
  const keyFile = join(folder, "apiserver.key");
  await writeCertificate(certificateFile, keyFile, options.addresses);
  const serviceAccountKeyFile = join(folder, "service-accounts.key");
  const serviceAccountPublicKeyFile = join(folder, "service-accounts.pub");
  const keys = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "sec1", format: "pem" },
  });
  await writeSecret(serviceAccountKeyFile, keys.privateKey);
  await writeSecret(serviceAccountPublicKeyFile, keys.publicKey);
  const certificate = await readFile(certificateFile, "utf8");
  const kubeconfigs = new Map<string, string>();
  const rows: string[] = [];
  for (const { name, user, groups } of options.accounts) {
    const token = randomBytes(24).toString("base64url");
    rows.push(`${token},${user},${user},"${groups.join(",")}"\n`);
    const file = join(folder, `${name}.kubeconfig`);
    const access = { server: options.server, token, certificateAuthority: certificate };
    await writeSecret(file, formatKubeconfig(access));
    kubeconfigs.set(name, file);
  }
  const tokenFile = join(folder, "tokens.csv");
  await writeSecret(tokenFile, rows.join(""));
  return {
    certificateFile,
    keyFile,
    tokenFile,
    serviceAccountKeyFile,
    serviceAccountPublicKeyFile,
    kubeconfigs,
  };
}

async function writeCertificate(
  certificateFile: string,
  keyFile: string,
  addresses: readonly string[],
): Promise<void> {
  const names = [
    "DNS:localhost",
    "DNS:kubernetes.default.svc",
    "DNS:kubernetes.default",
    "IP:127.0.0.1",
    ...addresses.map((address) => `IP:${address}`),
  ];
  const key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
  const usage = "-addext keyUsage=critical,digitalSignature,keyCertSign";
  const subject = `-subj /CN=kube-apiserver -addext subjectAltName=${names.join()}`;
  const flags = `req -x509 -days 30 ${key} ${usage} ${subject}`.split(" ");
  await run("openssl", [...flags, "-keyout", keyFile, "-out", certificateFile]);
}

async function writeSecret(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
}
