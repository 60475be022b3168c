import { createHash } from "node:crypto";
import type { TestContext } from "node:test";
import { tcpTransport } from "../../../src/bgp/session/transport.ts";
import type { Service } from "../../../src/cluster/service.ts";
import type { ConfigMap, Secret } from "../../../src/kube/project.ts";
import type { Store } from "../../../src/kube/store.ts";
import type { Clock } from "../../../src/runtime/clock.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { MetricsRegistry } from "../../../src/runtime/metrics.ts";
import type { BfdOptions } from "../../../src/speaker/shell/bfd.ts";
import { SpeakerMetrics } from "../../../src/speaker/shell/metrics.ts";
import { Speaker, type SpeakerSettings } from "../../../src/speaker/shell/speaker.ts";
import { recordingLogger } from "../../support/recording-logger.ts";
import { TestCluster } from "../cluster-reads.ts";
import { address, endpoint, node, service, silentBfd, slice } from "../fixtures.ts";
import { TestRouter, type TestRouterOptions } from "../test-router.ts";

export function configText(port: number, extra = ""): string {
  return `
peers:
- my-asn: 64522
  peer-asn: 64512
  peer-address: 127.0.0.1
  peer-port: ${port}
  name: router
${extra}
address-pools:
- name: my-ip-space
  protocol: bgp
  addresses: [172.16.7.192/26]
`;
}

export function configMap(name: string, data: ConfigMap["data"]): Map<string, ConfigMap> {
  const one = { key: `routelb-system/${name}`, uid: "u", resourceVersion: "1", annotations: {} };
  return new Map([[one.key, { ...one, data }]]);
}

export function inForce(text: string): Map<string, ConfigMap> {
  const hash = createHash("sha256").update(text).digest("hex");
  return configMap("config-in-force", { config: text, previous: "", "source-sha256": hash });
}

/** A speaker with empty Stores, and the router that its configuration is to name. */
export async function setUp(
  context: TestContext,
  clock: Clock = systemClock,
  options: Partial<
    TestRouterOptions &
      Pick<SpeakerSettings, "drainTimeMs" | "withdrawShare" | "dataplane"> & {
        readonly bfdMonitor: BfdOptions["monitor"];
      }
  > = {},
) {
  const {
    drainTimeMs = 0,
    withdrawShare,
    dataplane,
    bfdMonitor = () => silentBfd,
    ...routerOptions
  } = options;
  const router = new TestRouter({ asn: 64512, ...routerOptions });
  const port = await router.listen();
  const registry = new MetricsRegistry();
  const logger = recordingLogger();
  const events: string[] = [];
  const secretStores: Store<Secret>[] = [];
  const cluster = new TestCluster();
  const speaker = new Speaker(
    {
      nodeName: "node1",
      version: "0.1.0",
      loadBalancerClass: { isDefault: false },
      ignoreExcludeLabel: false,
      drainOnCordon: false,
      drainTimeMs,
      ...(withdrawShare === undefined ? {} : { withdrawShare }),
      ...(dataplane === undefined ? {} : { dataplane }),
    },
    {
      clock,
      random: () => 0.5,
      transport: tcpTransport,
      logger,
      interfaces: () => [{ name: "eth0", addresses: [address("172.16.7.11")] }],
      bfdMonitor,
      localPrefixes: () => [],
      uptimeSeconds: () => 100_000,
      metrics: new SpeakerMetrics(registry, "node1"),
      recordEvent: ({ reason, part }) =>
        events.push(part === undefined ? reason : `${reason} ${part}`),
      defaultGateways: () => [],
      reads: cluster.reads,
      followSecret: async (_name, store) => {
        secretStores.push(store);
      },
    },
  );
  context.after(async () => {
    await speaker.close("the test is over");
    await router.close();
  });
  /** Resolves after the pass that a change of a Store led to. */
  const settled = () =>
    new Promise<void>((resolve) => {
      setImmediate(() => setImmediate(resolve));
    });
  return { router, port, speaker, registry, logger, events, secretStores, settled, cluster };
}

export type Setup = Awaited<ReturnType<typeof setUp>>;

export function fillStores(
  { speaker, port }: Setup,
  services: readonly Service[] = [service("nginx")],
  extraConfig = "",
) {
  const config = configText(port, extraConfig);
  speaker.stores.userConfig.replace(configMap("config", { config }), "1");
  speaker.stores.inForceConfig.replace(inForce(config), "1");
  speaker.stores.nodes.replace(new Map([["node1", node()]]), "1");
  speaker.stores.services.replace(new Map(services.map((one) => [one.key, one])), "1");
  const slices = services.map((one) => slice(one.key, [endpoint("node1")]));
  speaker.stores.slices.replace(new Map(slices.map((one) => [one.key, one])), "1");
}
