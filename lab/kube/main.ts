import { rm } from "node:fs/promises";
import { isIP } from "node:net";
import { parseArgs } from "node:util";
import { nthAddress, parseRange } from "../../src/net/range.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { defaultServiceRanges } from "./cluster.ts";
import { startControllers } from "./controllers/controllers.ts";
import { registerKubernetesService } from "./kubernetes-service.ts";
import { startApiServer } from "./server.ts";

/**
 * The lab's API server as a process of its own, with the lab's controllers:
 *
 *     node lab/kube/main.ts --listen 172.16.7.10:6443 --socket /run/api.socket
 *
 * Everything is in memory and gone when the process ends.
 */
const { values } = parseArgs({
  options: {
    /** ADDRESS:PORT, `[ADDRESS]:PORT` for IPv6. */
    listen: { type: "string", default: "127.0.0.1:8080" },
    /** Also serve on this Unix socket. */
    socket: { type: "string" },
    /** Bearer tokens, one a line; without it everybody may do everything. */
    "token-file": { type: "string" },
    /** One or two CIDRs with a comma between. */
    "service-cluster-ip-range": { type: "string", default: defaultServiceRanges.join(",") },
    "node-monitor-grace-period": { type: "string", default: "4s" },
    /** How many changes of each resource a watch may ask for again. */
    history: { type: "string", default: "10000" },
  },
});

const { host, port } = parseListen(values.listen);
const serviceRanges = values["service-cluster-ip-range"].split(",");
const gracePeriod = parseSeconds(values["node-monitor-grace-period"]);
if (values.socket !== undefined) {
  await rm(values.socket, { force: true });
}
const server = await startApiServer({
  host,
  port,
  historyLimit: Number(values.history),
  ...(values.socket === undefined ? {} : { socketPath: values.socket }),
  ...(values["token-file"] === undefined ? {} : { tokenFile: values["token-file"] }),
  serviceClusterIpRanges: serviceRanges,
});
startControllers(
  {
    objects: server.objects,
    clock: systemClock,
    defer: (callback) => setImmediate(callback),
    report: (error) => console.error(error),
  },
  { nodeMonitorGracePeriodSeconds: gracePeriod },
);
registerKubernetesService(server.objects, host, server.port, firstAddress(serviceRanges[0] ?? ""));
console.log(`API server at ${server.url}`);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void server.close().then(() => process.exit(0));
  });
}

function parseListen(text: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^\[?([^\]]*?)\]?:(\d+)$/.exec(text) ?? [];
  if (host === undefined || isIP(host) === 0) {
    throw new Error(`--listen wants ADDRESS:PORT, not ${JSON.stringify(text)}`);
  }
  return { host, port: Number(port) };
}

function firstAddress(range: string): string {
  const found = parseRange(range);
  if (found === undefined) {
    throw new Error(`--service-cluster-ip-range wants CIDRs, not ${JSON.stringify(range)}`);
  }
  return nthAddress(found, 1n).text;
}

function parseSeconds(text: string): number {
  const [, seconds] = /^(\d+(?:\.\d+)?)s?$/.exec(text) ?? [];
  if (seconds === undefined || Number(seconds) <= 0) {
    throw new Error(`--node-monitor-grace-period wants seconds, not ${JSON.stringify(text)}`);
  }
  return Number(seconds);
}
