import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ApiServer } from "../../lab/kube/server.ts";
import { formatKubeconfig } from "../../lab/kubeconfig.ts";
import { recordOf, textOf } from "../../src/kube/json.ts";
import {
  addressOf,
  applyConfig,
  createService,
  namespace,
  poolsText,
  startServer,
  until,
  untilAddress,
} from "../controller/running.ts";

const program = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
/** Short, so that the test is; a new leader still waits for the 10 s of a write. */
const leaseFlags = ["--lease-duration=4s", "--lease-renew=3s"];

async function startProcess(
  t: TestContext,
  kubeconfig: string,
  port: number,
): Promise<ChildProcess> {
  const flags = [`--kubeconfig=${kubeconfig}`, "--host=127.0.0.1", `--port=${port}`];
  const child = spawn(process.execPath, [program, "controller", ...flags, ...leaseFlags], {
    stdio: "ignore",
  });
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  });
  return child;
}

function holderOf(server: ApiServer): string {
  const lease = server.objects.get("leases", `${namespace}/routelb-controller`);
  return textOf(recordOf(lease?.["spec"])["holderIdentity"]) ?? "";
}

test("real processes: one that is stopped is replaced, wakes, and leads no more; one that is told to end lets go", {
  timeout: 120_000,
}, async (t) => {
  const server = await startServer();
  t.after(() => server.close());
  const folder = await mkdtemp(join(tmpdir(), "routelb-test-"));
  t.after(() => rm(folder, { recursive: true }));
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, formatKubeconfig({ server: server.url }));
  applyConfig(server, poolsText(["p", "10.0.0.0/28"]));
  createService(server, "one");

  const first = await startProcess(t, kubeconfig, 17_472);
  await untilAddress(server, "one", "10.0.0.0");
  const firstHolder = holderOf(server);
  const second = await startProcess(t, kubeconfig, 17_473);
  const isReady = async (port: number) => {
    try {
      return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
    } catch {
      return false;
    }
  };
  while (!(await isReady(17_473))) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  first.kill("SIGSTOP");
  createService(server, "two");
  await until(() => holderOf(server) !== firstHolder);
  const secondHolder = holderOf(server);
  await untilAddress(server, "two", "10.0.0.1");
  first.kill("SIGCONT");
  createService(server, "three");
  await untilAddress(server, "three", "10.0.0.2");
  const state = async (port: number) =>
    recordOf(await (await fetch(`http://127.0.0.1:${port}/state`)).json());
  assert.equal((await state(17_472))["leads"], false);
  assert.equal((await state(17_473))["leads"], true);
  assert.equal(holderOf(server), secondHolder);

  second.kill("SIGTERM");
  await once(second, "exit");
  assert.equal(second.exitCode, 0);
  createService(server, "four");
  await untilAddress(server, "four", "10.0.0.3");
  assert.deepEqual(
    ["one", "two", "three"].map((name) => addressOf(server, name)),
    ["10.0.0.0", "10.0.0.1", "10.0.0.2"],
  );
});
