import { readFile } from "node:fs/promises";
import { LabProcess } from "../../../../lab/processes.ts";
import { waitFor } from "../../../../lab/wait.ts";
import { link } from "../../../support/routers/router.ts";
import type { Scenario, Stage } from "../stage.ts";

export const bfd: Scenario = {
  name: "BFD",
  settings: { bfd: true, holdTimeSeconds: 90 },
  rows: ["bfd"],
  async run(stage) {
    if (stage.router.bfdState === undefined) {
      return { bfd: "has no BFD" };
    }
    await using monitor = await startBfd(stage);
    const speaker = await stage.speaker();
    await speaker.request({ type: "routes", routes: { count: 3 } });
    await stage.waitUntilUp();
    await stage.waitForCount(3);
    await waitForBfd(stage, /^up$/i, monitor, "Up");
    await stage.cut();
    await stage.waitUntilDown(5_000);
    await stage.waitForCount(0, "ipv4", 5_000);
    await waitForBfd(stage, /^(down|)$/i, monitor, "Down");
    return { bfd: "yes" };
  },
};

/** src/bfd's side of the session, in the speaker's namespace, as a process that logs its states. */
async function startBfd(stage: Stage): Promise<LabProcess> {
  const peer = {
    key: "router",
    localAddress: link.ipv4.speaker,
    remoteAddress: link.ipv4.router,
    multihop: false,
    minimumTtl: 254,
    transmitIntervalMs: 300,
    receiveIntervalMs: 300,
    detectMultiplier: 3,
    passive: false,
  };
  return LabProcess.start({
    name: "bfd",
    namespace: stage.link.speakerNamespace,
    command: [process.execPath, "test/support/bfd-process.ts", JSON.stringify([peer])],
    logFile: logFileOf(stage),
  });
}

function logFileOf(stage: Stage): string {
  return stage.link.instance.path("bfd.log");
}

async function waitForBfd(stage: Stage, theirs: RegExp, monitor: LabProcess, ours: string) {
  await waitFor(
    async () => {
      const lines = (await readFile(logFileOf(stage), "utf8")).trim().split("\n");
      const isOurs = monitor.running && lines.at(-1)?.includes(`"to":"${ours}"`);
      const state = await stage.router.bfdState?.();
      return (isOurs && theirs.test(state ?? "")) || undefined;
    },
    { what: `BFD is ${ours} on both sides`, timeoutMs: 20_000 },
  );
}
