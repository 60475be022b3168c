import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { textAt } from "../../lab/kube/json.ts";
import { waitFor } from "../../lab/wait.ts";
import { runCommand } from "../cli/run-command.ts";
import { TestRouter } from "../speaker/test-router.ts";
import { findingsOf, peerText } from "../support/config-text.ts";
import { passwordLines } from "../support/password-lines.ts";
import { Daemons, namespace } from "./daemons.ts";

const password = "zq7Kx9wV2";
/** 81 octets, of which any piece gives it away. */
const longPassword = password.repeat(9);
const router = new TestRouter({ asn: 64512 });
let routerPort = 0;
let started: Daemons | undefined;
/** What commands have printed. */
let printed = "";

function daemons(): Daemons {
  assert.ok(started, "the daemons did not start");
  return started;
}

before(async () => {
  routerPort = await router.listen();
  started = await Daemons.start();
});

after(async () => {
  await started?.[Symbol.asyncDispose]();
  await router.close();
});

/** Any five characters of the password in a row, as they are and as encodings have them. */
function tracesIn(text: string): readonly string[] {
  const pieces = Array.from({ length: password.length - 4 }, (_, at) => password.slice(at, at + 5));
  const encoded = [0, 1, 2].map((at) =>
    Buffer.from(password.slice(at)).toString("base64").slice(0, 8),
  );
  const hex = Buffer.from(password).toString("hex").slice(0, 10);
  return [...pieces, ...encoded, hex].filter((piece) =>
    text.toLowerCase().includes(piece.toLowerCase()),
  );
}

/** All that anybody could read of it. */
async function everythingShown(): Promise<string> {
  const { server, kubeconfig } = daemons();
  const cluster = ["--kubeconfig", kubeconfig, "--namespace", namespace];
  for (const command of [["status"], ["status", "-o", "json"], ["explain", "default/web"]]) {
    const { out, error } = await runCommand([...command, ...cluster]);
    printed += out + error;
  }
  const events = await (await fetch(`${server.url}/api/v1/events`)).text();
  const paths = ["/state", "/metrics", "/readyz", "/healthz", "/capture?peer=router"];
  const answers = await Promise.all(paths.map((path) => daemons().ask(path)));
  return [daemons().output, printed, events, ...answers].join("\n");
}

/** Makes `text` the user's configuration, and lets each command that reads one look at it. */
async function write(text: string): Promise<void> {
  const { kubeconfig, folder } = daemons();
  daemons().apply("ConfigMap", "config", { data: { config: text } });
  const file = join(folder, "config.yaml");
  writeFileSync(file, text);
  const manifest = join(folder, "manifest.json");
  const metadata = { name: "config", namespace };
  writeFileSync(
    manifest,
    JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { config: text } }),
  );
  const cluster = ["--kubeconfig", kubeconfig, "--namespace", namespace];
  for (const command of [
    ["lint", file],
    ["lint", manifest],
    ["lint", "-o", "json", file],
    ["lint", "--live", ...cluster, file],
    ["plan", ...cluster, file],
    ["plan", ...cluster, manifest],
    ["plan", "-o", "json", ...cluster, file],
  ]) {
    const { out, error } = await runCommand(command);
    printed += out + error;
  }
}

/** Has a configuration without a password in force. */
async function writeValid(lines: string): Promise<void> {
  const config = peerText(lines);
  daemons().apply("ConfigMap", "config", { data: { config } });
  await logged(createHash("sha256").update(config).digest("hex"), 2, 0);
}

/** `text` stands so often in what the daemons have logged, from a place on. */
async function logged(text: string, times: number, from: number): Promise<void> {
  await waitFor(
    () =>
      daemons().output.slice(from).split(JSON.stringify(text).slice(1, -1)).length > times ||
      undefined,
    { what: `${times} times in the log: ${text}`, timeoutMs: 30_000 },
  );
}

const withPassword = (lines: string): string => lines.replaceAll("s3cret", password);

test("what stands in another place is shown, so what follows would be seen", async () => {
  await write(peerText(`hold-time: ${password}`));
  await logged(`peers[0].hold-time: ${password}`, 2, 0);
  await waitFor(async () => tracesIn(await everythingShown()).length > 0 || undefined, {
    what: "the value is shown",
    timeoutMs: 10_000,
  });
  const events = await (await fetch(`${daemons().server.url}/api/v1/events`)).text();
  assert.match(events, new RegExp(password));
  assert.match(printed, new RegExp(password));
});

test("a password in its place, of whatever shape, is shown nowhere", async () => {
  // The Event about what stood in another place has its own end.
  await write(peerText("hold-time: 0s"));
  await waitFor(async () => !(await daemons().ask("/state")).includes(password) || undefined, {
    what: "the value is gone from /state",
    timeoutMs: 30_000,
  });
  const { server } = daemons();
  for (const event of server.objects.list("events")) {
    const key = `${textAt(event, "metadata", "namespace")}/${textAt(event, "metadata", "name")}`;
    server.objects.delete("events", key);
  }
  printed = "";
  daemons().output = "";
  const shapes = [...Object.keys(passwordLines).map(withPassword), `password: ${longPassword}`];
  for (const [index, lines] of shapes.entries()) {
    // A speaker tells once that what is written is not in force: so something else is, before each.
    await writeValid(`hold-time: ${100 + index}s`);
    const from = daemons().output.length;
    const text = peerText(lines);
    const [finding = ""] = findingsOf(text);
    await write(text);
    const isWarning = findingsOf(text).every((one) => one.includes("warning: "));
    await logged(finding, isWarning ? 1 : 2, from);
    assert.deepEqual(tracesIn(await everythingShown()), [], lines);
  }
});

test("a password that is not the router's is shown nowhere, while sessions fail", async () => {
  await write(sessionText("router", `password: ${password}`));
  await waitFor(
    async () => (await daemons().ask("/state")).includes('"connectAttempts":2') || undefined,
    { what: "a second attempt", timeoutMs: 60_000 },
  );
  assert.deepEqual(tracesIn(await everythingShown()), []);
  assert.deepEqual(router.log, []);
});

test("of a Secret: right, too long, gone", async () => {
  const secret = (value: string) => ({ data: { router: Buffer.from(value).toString("base64") } });
  daemons().apply("Secret", "routelb-peers", secret(`${password}\n`));
  await write(sessionText("by-secret", "password-secret: {name: routelb-peers, key: router}"));
  await waitFor(
    async () =>
      /"name":"by-secret".*"kind":"connect-timeout"/.test(await daemons().ask("/state")) ||
      undefined,
    {
      what: "a session with the Secret's password",
      timeoutMs: 30_000,
    },
  );
  assert.deepEqual(tracesIn(await everythingShown()), []);
  daemons().apply("Secret", "routelb-peers", secret(longPassword));
  await waitFor(
    async () => (await daemons().ask("/state")).includes("password-too-long") || undefined,
    {
      what: "the reason of the session",
      timeoutMs: 30_000,
    },
  );
  assert.deepEqual(tracesIn(await everythingShown()), []);
  daemons().server.objects.delete("secrets", `${namespace}/routelb-peers`);
  await logged("a Secret lost a key; the password that it held stays in use", 1, 0);
  assert.deepEqual(tracesIn(await everythingShown()), []);
});

test("nor when both end", async () => {
  await daemons().stop();
  assert.match(daemons().output, /told to end/);
  assert.deepEqual(tracesIn(daemons().output), []);
});

/** A peer whose router takes no password, dialled again and again. */
function sessionText(name: string, lines: string): string {
  const peer = `peer-asn: 64512, peer-address: 127.0.0.1, peer-port: ${routerPort}`;
  return `peers:\n- {my-asn: 64522, ${peer}, connect-time: 1s, name: ${name}, ${lines}}\n`;
}
