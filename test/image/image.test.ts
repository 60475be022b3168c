import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ApiClient } from "../../lab/api-client.ts";
import { run } from "../../lab/command.ts";
import type { Instance } from "../../lab/instance.ts";
import { at, type Json, listAt, parseJson, textAt } from "../../lab/kube/json.ts";
import { formatKubeconfig } from "../../lab/kubeconfig.ts";
import { runIn } from "../../lab/namespaces.ts";
import { LabProcess } from "../../lab/processes.ts";
import { relayToSocket } from "../../lab/relay.ts";
import { waitFor } from "../../lab/wait.ts";
import { FrrLink } from "../support/frr-link.ts";
import { BuiltImage, processStatus } from "./built-image.ts";

const revision = "0123456789abcdef0123456789abcdef01234567";
let built: BuiltImage | undefined;

function image(): BuiltImage {
  assert.ok(built, "the image was not built");
  return built;
}

before(async () => {
  built = await BuiltImage.build([`REVISION=${revision}`]);
});

after(() => built?.[Symbol.asyncDispose]());

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length));
}

test("the image is Node, its libraries and the program: no shell, no npm, nothing else to run", async (t) => {
  const files = await filesBelow(image().rootFolder);
  const executables: string[] = [];
  let bytes = 0;
  for (const file of files) {
    const { mode, size } = await stat(join(image().rootFolder, file));
    bytes += size;
    assert.equal(mode & 0o6000, 0, `${file} changes its user`);
    if ((mode & 0o111) !== 0) executables.push(file);
  }
  const unexpected = executables.filter(
    (file) =>
      file !== "/usr/local/bin/node" && !/\.so\.\d$/.test(file) && !file.endsWith("koffi.node"),
  );
  assert.deepEqual(unexpected, []);
  const elsewhere = files.filter(
    (file) => !/^\/(app|lib|lib64|usr\/lib|usr\/share\/doc)\//.test(file),
  );
  assert.deepEqual(elsewhere.toSorted(), ["/etc/group", "/etc/passwd", "/usr/local/bin/node"]);
  assert.deepEqual(
    files.filter((file) => /npm|\.key$|\.pem$|\.npmrc$/.test(file)),
    [],
  );
  const native = files.filter((file) => file.endsWith(".node"));
  assert.equal(native.length, 1, native.join());
  for (const file of ["routelb.js", "bfd-worker.js", "routelb.js.LEGAL.txt", "sbom.cdx.json"]) {
    assert.ok(files.includes(`/app/${file}`), file);
  }
  const archive = join("/tmp", `routelb-image-${process.pid}.tar`);
  try {
    await image().save(archive);
    const packed = (await stat(archive)).size;
    const mb = (size: number) => `${Math.round(size / 1_000_000)} MB`;
    t.diagnostic(`${files.length} files, ${mb(bytes)}; compressed ${mb(packed)}`);
  } finally {
    await run("rm", ["-f", archive]);
  }
});

test("its configuration: user 65532, the program as entry point, OCI labels", async () => {
  const { version } = JSON.parse(await readFile("package.json", "utf8"));
  const config = at(await image().config(), "OCIv1", "config");
  assert.equal(textAt(config, "User"), "65532:65532");
  assert.deepEqual(at(config, "Entrypoint"), ["/usr/local/bin/node", "/app/routelb.js"]);
  const label = (name: string) => textAt(config, "Labels", `org.opencontainers.image.${name}`);
  assert.equal(label("version"), version);
  assert.equal(label("revision"), revision);
  assert.equal(label("licenses"), "Apache-2.0");
  assert.equal(label("title"), "RouteLB");
});

test("the list of its parts names every dependency, Node and the C library", async () => {
  const bill = parseJson(await readFile(join(image().rootFolder, "app/sbom.cdx.json"), "utf8"));
  assert.equal(textAt(bill, "bomFormat"), "CycloneDX");
  const urls = listAt(bill, "components").map((one) => textAt(one, "purl") ?? "");
  const { dependencies } = JSON.parse(await readFile("package.json", "utf8"));
  for (const [name, version] of Object.entries(dependencies)) {
    const purl = `pkg:npm/${name.replace("@", "%40")}@${String(version)}`;
    assert.ok(urls.includes(purl), purl);
  }
  for (const beginning of [
    "pkg:generic/node@24.",
    "pkg:deb/debian/libc6@",
    "pkg:deb/debian/libstdc%2B%2B6@",
    "pkg:npm/%40koromix/koffi-linux-",
  ]) {
    assert.ok(
      urls.some((url) => url.startsWith(beginning)),
      beginning,
    );
  }
  assert.deepEqual(
    urls.filter((url) => url === ""),
    [],
  );
});

const service = (name: string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
});

const slice = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: "one-a", labels: { "kubernetes.io/service-name": "one" } },
  addressType: "IPv4",
  endpoints: [{ addresses: ["10.244.1.2"], nodeName: "node1", conditions: { ready: true } }],
  ports: [{ port: 80 }],
};

const config = `
peers:
- my-asn: 64522
  peer-asn: 64512
  peer-address: 172.16.7.1
  password: s3cret
  bfd-profile: fast
address-pools:
- {name: p, protocol: bgp, addresses: [172.16.7.192/26]}
bfd-profiles:
- {name: fast}
`;

/** The embedded API server at 172.16.7.11:8080, with a Node, a configuration and a Service. */
async function startApi(instance: Instance, namespace: string, resources: AsyncDisposableStack) {
  const socket = instance.path("api.socket");
  const flags = ["--listen=172.16.7.11:8080", `--socket=${socket}`];
  const command = [process.execPath, "lab/kube/main.ts", ...flags];
  resources.use(
    await LabProcess.start({
      name: "API server",
      namespace,
      command,
      logFile: instance.path("api.log"),
    }),
  );
  const relay = resources.use(await relayToSocket(socket));
  const api = new ApiClient({ server: `http://127.0.0.1:${relay.port}` });
  await waitFor(() => api.get("/api/v1/namespaces"), { what: "the API server", timeoutMs: 30_000 });
  const addresses = [{ type: "InternalIP", address: "172.16.7.11" }];
  const conditions = [{ type: "Ready", status: "True" }];
  await api.create("/api/v1/nodes", {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node1" },
    status: { addresses, conditions },
  });
  const metadata = { name: "routelb-system" };
  await api.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata });
  await api.create("/api/v1/namespaces/routelb-system/configmaps", {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "config" },
    data: { config },
  });
  await api.create("/api/v1/namespaces/default/services", service("one"));
  await api.create("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice);
  return api;
}

test("containers of it: a controller gives an address, a speaker peers with FRR by password", async (t) => {
  const lines = ["neighbor 172.16.7.11 password s3cret", "neighbor 172.16.7.11 bfd"];
  await using link = await FrrLink.start(`image${process.pid}`, { lines, bfd: true });
  await using resources = new AsyncDisposableStack();
  const { instance, namespace, frr } = link;
  await runIn(namespace, "ip", ["link", "set", "lo", "up"]);
  await startApi(instance, namespace, resources);
  const files = instance.path("tmp");
  await mkdir(files);
  const kubeconfig = formatKubeconfig({ server: "http://172.16.7.11:8080" });
  await writeFile(join(files, "kubeconfig"), kubeconfig, { mode: 0o644 });
  const start = async (name: string, port: string, env: Readonly<Record<string, string>>) =>
    resources.use(
      await image().start({
        instance,
        namespace,
        name,
        files,
        args: [name],
        env: { ROUTELB_KUBECONFIG: "/tmp/kubeconfig", ROUTELB_PORT: port, ...env },
      }),
    );
  const controller = await start("controller", "7473", {});
  const speaker = await start("speaker", "7472", { ROUTELB_NODE_NAME: "node1" });
  const path = await waitFor(() => onlyPath(frr), {
    what: "FRR has the route of the Service",
    timeoutMs: 60_000,
    intervalMs: 200,
  });
  assert.equal(textAt(path, "aspath", "string"), "64522");
  // The password needs koffi; BFD runs in its thread, from its own file, on sockets that koffi made.
  const expected = [
    /^routelb_bgp_session_up\{peer="172.16.7.1:179"\} 1$/m,
    /^routelb_bfd_session_up\{peer="[^"]+"\} 1$/m,
  ];
  for (const line of expected) {
    const fetchMetrics = ["-sS", "http://127.0.0.1:7472/metrics"];
    await waitFor(
      async () => line.test(await runIn(namespace, "curl", fetchMetrics)) || undefined,
      { what: `${line}`, timeoutMs: 30_000, intervalMs: 200 },
    );
  }
  const ready = ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:7473/readyz"];
  assert.equal(await runIn(namespace, "curl", ready), "200");
  for (const { name, pid } of [controller, speaker]) {
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
      assert.equal(await processStatus(pid, set), "0000000000000000", `${name}: ${set}`);
    }
    assert.equal(await processStatus(pid, "Uid"), "65532\t65532\t65532\t65532");
    assert.equal(await processStatus(pid, "Groups"), "");
    assert.equal(await processStatus(pid, "NoNewPrivs"), "1");
    assert.match(await readFile(`/proc/${pid}/mountinfo`, "utf8"), / \/ ro,/);
    const memory = Number.parseInt(await processStatus(pid, "VmRSS"), 10);
    t.diagnostic(`${name}: ${Math.round(memory / 1_024)} MB resident`);
  }
  await Promise.all([controller, speaker].map((one) => one.stop(30_000)));
  assert.deepEqual([controller.exit?.code, speaker.exit?.code], [0, 0]);
});

async function onlyPath(frr: FrrLink["frr"]): Promise<Json | undefined> {
  const route = await frr.vtyshJson("show bgp ipv4 unicast 172.16.7.192/32 json");
  return listAt(route, "paths")[0];
}
