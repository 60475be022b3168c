import { type ParseArgsOptionsConfig, parseArgs } from "node:util";

/** What a kubelet is told on its command line. */
export interface KubeletSettings {
  readonly nodeName: string;
  /** The node's own network namespace; those of its Pods are named after it. */
  readonly namespace: string;
  readonly address: string;
  readonly podCidr: string;
  /** The same for IPv6, where the node has it: a /64 for Pods. */
  readonly ipv6?: { readonly address: string; readonly podCidr: string };
  readonly kubeconfig: string;
  /** Logs and credentials of Pods lie below it. */
  readonly directory: string;
  /** The JavaScript file behind the image `routelb`. */
  readonly program: string;
  /**
   * The executables behind further images, by the image as Pods write it: a JavaScript file, which
   * Node runs, or a static binary. They get what the image `routelb` gets.
   */
  readonly images: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** Play kube-proxy as well. */
  readonly secondHop: boolean;
  /** Give Pods tokens of their ServiceAccounts; without it, they have the kubelet's own access. */
  readonly serviceAccountTokens: boolean;
  readonly leaseSeconds: number;
}

export interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: string;
}

const options = {
  node: { type: "string" },
  namespace: { type: "string" },
  address: { type: "string" },
  "pod-cidr": { type: "string" },
  address6: { type: "string" },
  "pod-cidr6": { type: "string" },
  kubeconfig: { type: "string" },
  directory: { type: "string" },
  program: { type: "string" },
  image: { type: "string", multiple: true, default: [] },
  label: { type: "string", multiple: true, default: [] },
  taint: { type: "string", multiple: true, default: [] },
  "second-hop": { type: "string", default: "on" },
  "service-account-tokens": { type: "boolean", default: false },
  "lease-seconds": { type: "string", default: "1" },
} satisfies ParseArgsOptionsConfig;

/** @throws TypeError for a flag that is unknown or missing */
export function parseKubeletSettings(args: readonly string[]): KubeletSettings {
  const { values } = parseArgs({ args: [...args], options, strict: true });
  const required = (name: keyof typeof values): string => {
    const value = values[name];
    if (typeof value !== "string") throw new TypeError(`--${name} is required`);
    return value;
  };
  return {
    nodeName: required("node"),
    namespace: required("namespace"),
    address: required("address"),
    podCidr: required("pod-cidr"),
    ...(values.address6 !== undefined && {
      ipv6: { address: values.address6, podCidr: required("pod-cidr6") },
    }),
    kubeconfig: required("kubeconfig"),
    directory: required("directory"),
    program: required("program"),
    images: Object.fromEntries(values.image.map(parseLabel)),
    labels: Object.fromEntries(values.label.map(parseLabel)),
    taints: values.taint.map(parseTaint),
    secondHop: values["second-hop"] !== "off",
    serviceAccountTokens: values["service-account-tokens"],
    leaseSeconds: Number(values["lease-seconds"]),
  };
}

/** The command line arguments that `parseKubeletSettings` reads back. */
export function formatKubeletSettings(settings: KubeletSettings): readonly string[] {
  const labels = Object.entries(settings.labels).map(([name, value]) => `${name}=${value}`);
  const images = Object.entries(settings.images).map(([name, path]) => `${name}=${path}`);
  const taints = settings.taints.map(({ key, value, effect }) => `${key}=${value}:${effect}`);
  return [
    `--node=${settings.nodeName}`,
    `--namespace=${settings.namespace}`,
    `--address=${settings.address}`,
    `--pod-cidr=${settings.podCidr}`,
    ...(settings.ipv6 === undefined
      ? []
      : [`--address6=${settings.ipv6.address}`, `--pod-cidr6=${settings.ipv6.podCidr}`]),
    `--kubeconfig=${settings.kubeconfig}`,
    `--directory=${settings.directory}`,
    `--program=${settings.program}`,
    ...images.map((image) => `--image=${image}`),
    ...labels.map((label) => `--label=${label}`),
    ...taints.map((taint) => `--taint=${taint}`),
    `--second-hop=${settings.secondHop ? "on" : "off"}`,
    ...(settings.serviceAccountTokens ? ["--service-account-tokens"] : []),
    `--lease-seconds=${settings.leaseSeconds}`,
  ];
}

function parseLabel(text: string): readonly [string, string] {
  const [name = "", value = ""] = text.split("=");
  return [name, value];
}

/** `key=value:Effect`. */
function parseTaint(text: string): Taint {
  const [pair = "", effect = ""] = text.split(":");
  const [key = "", value = ""] = pair.split("=");
  return { key, value, effect };
}
