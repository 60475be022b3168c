import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import {
  addressOf,
  applyConfig,
  createService,
  inForceText,
  poolsText,
  run,
  startServer,
  until,
  untilEvent,
} from "./running.ts";

const limits = { timeout: 60_000 };
const count = 450;
const names = Array.from({ length: count }, (_, index) => `s${String(index).padStart(3, "0")}`);

test(
  "passes in slices, while Services come, move and go between them: nobody shares or lacks an address",
  limits,
  async (t) => {
    const server = await startServer();
    applyConfig(server, poolsText(["p", "10.0.0.0/23"], ["q", "10.0.8.0/24"]));
    for (const name of names.slice(0, 250)) {
      createService(server, name);
    }
    await run(t, server, { lookMs: 10 });
    await until(() => addressOf(server, "s000") !== "");
    for (const [index, name] of names.slice(250).entries()) {
      createService(server, name);
      if (index % 10 === 0) {
        server.objects.delete("services", `default/${names[index]}`);
      }
      if (index % 10 === 5) {
        const spec = { loadBalancerIP: `10.0.8.${index}` };
        server.objects.patch("services", `default/${names[index]}`, { spec });
      }
      if (index % 3 === 0) {
        await turn();
      }
    }
    const wanted = names.flatMap((name, index) => {
      const isLeft = index >= 200 || index % 10 !== 0;
      return isLeft
        ? [[name, index < 200 && index % 10 === 5 ? `10.0.8.${index}` : ""] as const]
        : [];
    });
    await until(() =>
      wanted.every(([name, asked]) => {
        const address = addressOf(server, name);
        return asked === "" ? address !== "" : address === asked;
      }),
    );
    const held = wanted.map(([name]) => addressOf(server, name));
    assert.equal(new Set(held).size, wanted.length);
  },
);

test(
  "judges a configuration in slices: one that strands is refused, the text written meanwhile is accepted",
  limits,
  async (t) => {
    const server = await startServer();
    applyConfig(server, poolsText(["p", "10.0.0.0/23"]));
    for (const name of names) {
      createService(server, name);
    }
    await run(t, server, { lookMs: 10 });
    await until(() => names.every((name) => addressOf(server, name) !== ""));
    applyConfig(server, poolsText(["p", "10.0.0.0/24"]));
    await untilEvent(server, "config", /^ConfigNotApplied: not applied.* and \d+ more/);
    const held = names.map((name) => addressOf(server, name));
    const wider = [3, 4, 5, 6].map((index) =>
      poolsText(["p", "10.0.0.0/23"], ["q", `10.0.${index}.0/24`]),
    );
    for (const text of wider) {
      applyConfig(server, text);
      await turn();
      await turn();
    }
    await until(() => inForceText(server) === wider.at(-1));
    assert.deepEqual(
      names.map((name) => addressOf(server, name)),
      held,
    );
  },
);
