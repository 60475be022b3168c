import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { attempt, run } from "../../lab/command.ts";
import { findDaemons } from "../../lab/daemons.ts";
import { EmbeddedKube } from "../../lab/embedded-kube.ts";
import { Instance } from "../../lab/instance.ts";
import { at, isList, numberAt, parseJson, textAt } from "../../lab/kube/json.ts";
import { Lab } from "../../lab/lab.ts";
import { runIn } from "../../lab/namespaces.ts";
import { workerNodes } from "../../lab/scenario.ts";
import { formatConfig, formatConfigMap } from "../../lab/speaker-config.ts";
import { plainVariant } from "../../lab/variant.ts";
import { waitFor } from "../../lab/wait.ts";

/** Of the peer; the short connect-time has a wrong password noticed, and a right one tried, soon. */
const peerLines = `  password-secret: {name: routelb-peers, key: router}
  connect-time: 2s
`;

/** `create` or `replace`s the Secret that all speakers take the router's password from. */
async function writeSecret(lab: Lab, verb: "create" | "replace", password: string): Promise<void> {
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "routelb-peers", namespace: "routelb-system" },
    stringData: { router: password },
  };
  await lab.kubectl.runWith(JSON.stringify(secret), verb, "-f", "-");
}

async function setRouterPassword(lab: Lab, password: string): Promise<void> {
  await lab.topology.router.configure("router bgp 64512", `neighbor nodes password ${password}`);
}

/** All sessions are up, and FRR says that each is authenticated. */
async function awaitAuthenticated(lab: Lab): Promise<void> {
  await lab.awaitSessions(workerNodes.length);
  const neighbours = await lab.topology.router.vtyshJson("show bgp neighbors json");
  for (const { address } of workerNodes) {
    assert.equal(numberAt(neighbours, address, "authenticationEnabled"), 1, address);
  }
}

/** Every speaker has lost its session since `before`, and says of what kind the last failure is. */
async function awaitFailure(lab: Lab, kind: string, since: number): Promise<void> {
  for (const { name, address } of workerNodes) {
    const url = `http://${address}:7472/state?only=sessions`;
    const lastError = async () => {
      const state = parseJson(await runIn(lab.topology.node(name), "curl", ["-sS", url]));
      const sessions = at(state, "sessions");
      return at(isList(sessions) ? sessions[0] : undefined, "lastError");
    };
    await waitFor(
      async () => {
        const error = await lastError();
        const isNew = Date.parse(textAt(error, "at") ?? "") >= since;
        return (isNew && textAt(error, "kind") === kind) || undefined;
      },
      { what: `${name} says ${kind}`, timeoutMs: 60_000, intervalMs: 200 },
    );
  }
}

/** Pids of the speakers, by node. */
async function speakerPids(lab: Lab): Promise<readonly string[]> {
  const daemons = await findDaemons(lab);
  return daemons
    .filter(({ role }) => role === "speaker")
    .map(({ node, pid }) => `${node}: ${pid}`)
    .toSorted();
}

test("a password comes and changes, and the sessions come back with the same processes", {
  timeout: 600_000,
}, async () => {
  await using instance = await Instance.open(`pw${process.pid.toString(36)}`);
  await using lab = await Lab.start({
    instance,
    startKube: (of, until) => EmbeddedKube.start(of, until),
    signal: new AbortController().signal,
    progress: () => undefined,
  });
  const pids = await speakerPids(lab);
  assert.equal(pids.length, workerNodes.length);

  // A session without a password gets one: in the Secret, the configuration and the router.
  await writeSecret(lab, "create", "first-s3cret");
  const path = instance.path("config-with-password.json");
  const [head, tail] = formatConfig(plainVariant).split("address-pools:");
  await writeFile(path, formatConfigMap(`${head}${peerLines}address-pools:${tail}`));
  await lab.kubectl.run("replace", "-f", path);
  await setRouterPassword(lab, "first-s3cret");
  await awaitAuthenticated(lab);

  // The router's changes first: no session with the old password, then one with the new.
  const routerChangedMs = Date.now();
  await setRouterPassword(lab, "second-s3cret");
  await awaitFailure(lab, "connect-timeout", routerChangedMs);
  assert.deepEqual(await lab.establishedPeers(), []);
  await writeSecret(lab, "replace", "second-s3cret");
  await awaitAuthenticated(lab);

  // The Secret's changes first.
  const secretChangedMs = Date.now();
  await writeSecret(lab, "replace", "third-s3cret");
  await awaitFailure(lab, "connect-timeout", secretChangedMs);
  assert.deepEqual(await lab.establishedPeers(), []);
  await setRouterPassword(lab, "third-s3cret");
  await awaitAuthenticated(lab);

  assert.deepEqual(await speakerPids(lab), pids);
  // Sessions that stood, with the right key, tell it as little as those that did not.
  const logs = await run("grep", ["-rlE", "session (established|lost)", instance.path("nodes")]);
  assert.ok(logs.trim().split("\n").length >= workerNodes.length, logs);
  const told = await attempt("grep", ["-rl", "s3cret", instance.path("nodes")]);
  assert.ok(!told.ok, told.text);
});
