import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import {
  addressOf,
  applyConfig,
  createService,
  poolsText,
  run,
  startServer,
  until,
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
