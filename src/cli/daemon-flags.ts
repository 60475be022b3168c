import type { LoadBalancerClass } from "../cluster/service.ts";
import { parseDurationSeconds } from "../config/duration.ts";
import { type Address, parseAddress } from "../net/address.ts";
import { isLogLevel, type LogLevel, logLevels } from "../runtime/logger.ts";
import type { DataplaneSettings } from "../speaker/shell/dataplane-check.ts";
import { type FlagSpec, mustBeNumber, mustBeOneOf, type ParsedFlags, UsageError } from "./flags.ts";

/** What the flags of controller and speaker have in common, read. */
export interface DaemonOptions {
  /** Absent: the service account of the pod. */
  readonly kubeconfigPath?: string;
  readonly namespace: string;
  /** The name of the user's ConfigMap. */
  readonly configName: string;
  readonly loadBalancerClass: LoadBalancerClass;
  readonly port: number;
  /** Absent: all addresses. */
  readonly host?: string;
  readonly logLevel: LogLevel;
  readonly servesState: boolean;
  /** Flags that were given and that nothing acts on yet, without their dashes. */
  readonly notActedOn: readonly string[];
}

/** Longer than any of these makes sense; a timer of more than 2^31 ms would fire at once. */
const longestDuration = "1h";

function mustBeDuration(value: string): string | undefined {
  const seconds = parseDurationSeconds(value);
  if (seconds === undefined || seconds < 0) {
    return "is not a duration like 15s or 1m30s";
  }
  return seconds > (parseDurationSeconds(longestDuration) ?? 0)
    ? `is longer than ${longestDuration}`
    : undefined;
}

const mustBeShareOrOff = (value: string) =>
  value === "off" || /^(?:100|[1-9]?\d)%$/.test(value)
    ? undefined
    : "is neither off nor a share from 0% to 100%";

const mustBeUrl = (value: string) =>
  URL.canParse(value.replace("NODE_IP", "192.0.2.1")) ? undefined : "is not a URL";

const mustBeListenAddress = (value: string) =>
  value === "off" || parseListenAddress(value) !== undefined
    ? undefined
    : "is neither off nor PORT nor ADDR:PORT";

/** What `--listen` says; undefined: `off`, or nothing that we understand. */
export function parseListenAddress(
  value: string,
): { readonly address?: Address; readonly port: number } | undefined {
  const [, bracketed, plain, port = ""] = /^(?:(?:\[(.+)\]|([^:]+)):)?(\d+)$/.exec(value) ?? [];
  if (mustBeNumber(1, 65535)(port) !== undefined) {
    return undefined;
  }
  const text = bracketed ?? plain;
  if (text === undefined) {
    return { port: Number(port) };
  }
  const address = parseAddress(text);
  return address && { address, port: Number(port) };
}

const commonFlags: readonly FlagSpec[] = [
  {
    name: "kubeconfig",
    placeholder: "FILE",
    help: "how to reach the API server; without it, the pod's service account",
  },
  {
    name: "namespace",
    placeholder: "NAME",
    help: "where the ConfigMap is",
    default: "routelb-system",
  },
  { name: "config", placeholder: "NAME", help: "name of the ConfigMap", default: "config" },
  {
    name: "lb-class",
    placeholder: "CLASS",
    help: "serve Services of this loadBalancerClass, not those without one",
  },
  { name: "default-class", help: "with --lb-class: Services without a class as well" },
  {
    name: "port",
    placeholder: "PORT",
    help: "HTTP: /metrics /healthz /readyz /state /capture",
    default: "7472",
    whyInvalid: mustBeNumber(1, 65535),
  },
  { name: "host", placeholder: "ADDR", help: "address to serve HTTP on; without it, all" },
  {
    name: "log-level",
    placeholder: "LEVEL",
    help: logLevels.join(", "),
    default: "info",
    whyInvalid: mustBeOneOf(...logLevels),
  },
  {
    name: "state",
    placeholder: "on|off",
    help: "serve /state, and /capture of a speaker",
    default: "on",
    whyInvalid: mustBeOneOf("on", "off"),
  },
];

export const controllerFlags: readonly FlagSpec[] = [
  ...commonFlags,
  {
    name: "lease-duration",
    placeholder: "DURATION",
    help: "how long a Lease that is not renewed counts",
    default: "15s",
    whyInvalid: mustBeDuration,
  },
  {
    name: "lease-renew",
    placeholder: "DURATION",
    help: "a leader that could not renew for so long stops acting",
    default: "10s",
    whyInvalid: mustBeDuration,
  },
  {
    name: "no-leader-election",
    help: "act without a Lease: for a single replica",
  },
];

export const speakerFlags: readonly FlagSpec[] = [
  ...commonFlags,
  { name: "node-name", placeholder: "NAME", help: "the Node that this speaker runs on; required" },
  { name: "pod-name", placeholder: "NAME", help: "the Pod that this speaker is" },
  {
    name: "drain-time",
    placeholder: "DURATION",
    help: "between GRACEFUL_SHUTDOWN and withdrawal",
    default: "10s",
    whyInvalid: mustBeDuration,
  },
  { name: "drain-on-cordon", help: "a cordoned node drains" },
  {
    name: "dataplane-check",
    placeholder: "off|warn|enforce",
    help: "whether kube-proxy must answer for a route; warn: a new Local one waits for it, 5 s at most",
    default: "warn",
    whyInvalid: mustBeOneOf("off", "warn", "enforce"),
  },
  {
    name: "dataplane-url",
    placeholder: "URL",
    help: "what --dataplane-check asks; NODE_IP stands for the node's address",
    default: "http://NODE_IP:10256/livez",
    whyInvalid: mustBeUrl,
  },
  {
    name: "dataplane-rise",
    placeholder: "N",
    help: "good answers that make it healthy",
    default: "2",
    whyInvalid: mustBeNumber(1, 100),
  },
  {
    name: "dataplane-fall",
    placeholder: "N",
    help: "bad answers that make it unhealthy",
    default: "3",
    whyInvalid: mustBeNumber(1, 100),
  },
  {
    name: "withdraw-guard",
    placeholder: "SHARE|off",
    help: "hold a change that would withdraw a larger share of the routes",
    default: "50%",
    whyInvalid: mustBeShareOrOff,
  },
  {
    name: "ignore-exclude-lb",
    help: "advertise in spite of the label exclude-from-external-load-balancers",
  },
  {
    name: "listen",
    placeholder: "[ADDR:]PORT|off",
    help: "take BGP connections as well",
    default: "off",
    whyInvalid: mustBeListenAddress,
  },
];

/**
 * The common part of a daemon's flags.
 *
 * @throws UsageError where two flags contradict each other
 */
export function readDaemonOptions(flags: ParsedFlags): DaemonOptions {
  const kubeconfigPath = flags.value("kubeconfig");
  const className = flags.value("lb-class");
  const host = flags.value("host");
  const logLevel = required(flags, "log-level");
  if (className === undefined && flags.isOn("default-class")) {
    throw new UsageError("--default-class needs --lb-class");
  }
  return {
    ...(kubeconfigPath === undefined ? {} : { kubeconfigPath }),
    namespace: required(flags, "namespace"),
    configName: required(flags, "config"),
    loadBalancerClass: {
      ...(className === undefined ? {} : { name: className }),
      isDefault: flags.isOn("default-class"),
    },
    port: Number(required(flags, "port")),
    ...(host === undefined ? {} : { host }),
    logLevel: isLogLevel(logLevel) ? logLevel : "info",
    servesState: flags.value("state") === "on",
    notActedOn: flags.notActedOn,
  };
}

/** @throws UsageError if the flag has neither a value nor a default */
export function required(flags: ParsedFlags, name: string): string {
  const value = flags.value(name);
  if (value === undefined) {
    throw new UsageError(`--${name} is required`);
  }
  return value;
}

/** What `--dataplane-check` and the flags that go with it say; undefined: off. */
export function readDataplane(flags: ParsedFlags): DataplaneSettings | undefined {
  const mode = flags.value("dataplane-check");
  return mode === "warn" || mode === "enforce"
    ? {
        mode,
        url: required(flags, "dataplane-url"),
        rise: Number(required(flags, "dataplane-rise")),
        fall: Number(required(flags, "dataplane-fall")),
      }
    : undefined;
}

/** @throws UsageError if the flag has neither a value nor a default */
export function durationMs(flags: ParsedFlags, name: string): number {
  return (parseDurationSeconds(required(flags, name)) ?? 0) * 1_000;
}

/** `50%` as 0.5; undefined: off. */
export function shareOf(text: string): number | undefined {
  return text === "off" ? undefined : Number.parseInt(text, 10) / 100;
}
