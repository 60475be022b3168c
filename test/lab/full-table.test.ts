import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../lab/command.ts";
import { LabProcess } from "../../lab/processes.ts";
import { waitFor } from "../../lab/wait.ts";
import type { BgpSpeaker } from "../support/bgp-speaker.ts";
import { RouterLink } from "../support/routers/link.ts";
import { link, type RouterSettings, routerId } from "../support/routers/router.ts";

const routes = 1_000_000;
const settings: RouterSettings = {
  transport: "ipv4",
  asn: 64512,
  speakerAsn: 64522,
  holdTimeSeconds: 3,
};
const patience = { timeoutMs: 300_000, intervalMs: 200 };

/** A BIRD that has a million static routes and advertises all of them. */
async function startBird({ place }: RouterLink): Promise<{ process: LabProcess; control: string }> {
  const path = (name: string) => join(place.directory, name);
  const file = await open(path("bird.conf"), "w");
  await file.write(`
log "${path("bird.log")}" all;
router id ${routerId};
protocol device {}
protocol bgp speaker {
  local ${link.ipv4.router} as ${settings.asn};
  neighbor ${link.ipv4.speaker} as ${settings.speakerAsn};
  passive on;
  direct;
  hold time ${settings.holdTimeSeconds};
  error wait time 1, 2;
  ipv4 { import all; export where source = RTS_STATIC; };
}
protocol static million { ipv4;
`);
  for (let block = 0; block < routes; block += 10_000) {
    const lines = Array.from({ length: 10_000 }, (_, index) => {
      const value = block + index;
      return `route 11.${value >>> 16}.${(value >>> 8) & 255}.${value & 255}/32 blackhole;`;
    });
    await file.write(`${lines.join("\n")}\n`);
  }
  await file.write("}\n");
  await file.close();
  const process = await LabProcess.start({
    name: "bird",
    namespace: place.namespace,
    command: ["bird", "-f", "-c", path("bird.conf"), "-s", path("bird.ctl"), "-P", path("pid")],
    logFile: path("bird.out"),
  });
  return { process, control: path("bird.ctl") };
}

async function rssMegabytes(speaker: BgpSpeaker): Promise<number> {
  const { rss } = (await speaker.request({ type: "memory" })) as { rss: number };
  return rss / 1e6;
}

function received(speaker: BgpSpeaker, count: number) {
  return speaker.waitFor(
    `the speaker took ${count} routes`,
    ({ counters }) => counters.prefixesReceived >= count,
    patience.timeoutMs,
  );
}

test("a million routes from BIRD, twice: memory stays flat, and the session with its Hold Time of 3 s", async () => {
  await using here = await RouterLink.open("fulltable");
  const bird = await startBird(here);
  try {
    const birdc = (command: string) => run("birdc", ["-s", bird.control, ...command.split(" ")]);
    await waitFor(
      async () => (/^1000000 of/m.test(await birdc("show route count")) ? true : undefined),
      { what: "BIRD has its routes", ...patience },
    );
    await using speaker = await here.speaker(settings);
    await received(speaker, routes);
    const afterOne = await rssMegabytes(speaker);
    await birdc("reload out speaker");
    await received(speaker, 2 * routes);
    const afterTwo = await rssMegabytes(speaker);

    const { state, counters } = await speaker.status();
    assert.equal(state, "Established");
    assert.equal(counters.sessionsLost, 0, "our KEEPALIVEs came in time, or BIRD had left");
    assert.equal(counters.opensReceived, 1);
    assert.equal(counters.malformedAttributesReceived, 0);
    assert.ok(afterTwo < afterOne + 50, `${afterOne} MB, then ${afterTwo} MB`);
    assert.ok(afterTwo < 300, `${afterTwo} MB, of which the routes would be 200 if they were kept`);
    console.log(
      `RSS ${Math.round(afterOne)} MB after one table, ${Math.round(afterTwo)} after two`,
    );
  } finally {
    await bird.process.stop();
  }
});
