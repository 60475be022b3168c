import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isObject, listAt, parseJson, textAt } from "../../lab/kube/json.ts";

const program = fileURLToPath(new URL("../../lab/kube/main.ts", import.meta.url));

function start(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
}

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path }, (response) => {
      text(response).then(resolve, reject);
    })
      .on("error", reject)
      .end();
  });
}

test("the process serves over TCP and a Unix socket, and ends on SIGTERM", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "routelb-main-"));
  t.after(() => rm(folder, { recursive: true }));
  const socket = join(folder, "api");
  const child = start("--listen", "127.0.0.1:0", "--socket", socket);
  t.after(() => child.kill("SIGKILL"));
  assert.ok(child.stdout !== null);
  const [line] = await once(child.stdout, "data");
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(String(line))?.[0] ?? "";
  assert.equal(await (await fetch(`${url}/readyz`)).text(), "ok");
  const services = parseJson(await get(socket, "/api/v1/services"));
  assert.ok(isObject(services));
  const [kubernetes] = listAt(services, "items");
  assert.equal(textAt(kubernetes, "spec", "clusterIP"), "10.96.0.1");
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
});

for (const args of [["--listen", "here"], ["--node-monitor-grace-period", "soon"], ["--nothing"]]) {
  test(`the process refuses ${args.join(" ")}`, async () => {
    const child = start("--listen", "127.0.0.1:0", ...args);
    assert.ok(child.stderr !== null);
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    assert.notEqual(code, 0);
    assert.match(said, new RegExp(args[0] ?? ""));
  });
}
