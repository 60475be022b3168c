import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, suite, test } from "node:test";
import { bird } from "../../support/routers/bird.ts";
import { exabgp } from "../../support/routers/exabgp.ts";
import { frr } from "../../support/routers/frr.ts";
import { gobgp } from "../../support/routers/gobgp.ts";
import { RouterLink } from "../../support/routers/link.ts";
import { openbgpd } from "../../support/routers/openbgpd.ts";
import { type RouterKind, RouterRefusal } from "../../support/routers/router.ts";
import { renderDocument, rowNames } from "./document.ts";
import { limits } from "./limits.ts";
import type { Answers } from "./rows.ts";
import { attributes, fourOctetAsn, internal } from "./scenarios/attributes.ts";
import { bfd } from "./scenarios/bfd.ts";
import { gracefulRestart, holdTimer, routerRestart } from "./scenarios/endings.ts";
import { extendedNextHop, linkLocal, overIpv6 } from "./scenarios/families.ts";
import { routes } from "./scenarios/routes.ts";
import { gtsm, md5, wrongAsn } from "./scenarios/security.ts";
import { type Scenario, Stage } from "./stage.ts";

const kinds: readonly RouterKind[] = [frr, bird, gobgp, openbgpd, exabgp];
const scenarios: readonly Scenario[] = [
  routes,
  attributes,
  internal,
  fourOctetAsn,
  overIpv6,
  linkLocal,
  extendedNextHop,
  wrongAsn,
  md5,
  gtsm,
  holdTimer,
  routerRestart,
  gracefulRestart,
  bfd,
];

const documentFile = "docs/interop.md";
const seen = new Map<RouterKind, Answers>();

function expected(kind: RouterKind, scenario: Scenario): Answers {
  const answers = scenario.rows.map((row) => [row, limits[kind.id]?.[row] ?? "yes"]);
  return Object.fromEntries(answers);
}

/** A router that refuses to run as the scenario wants it answers every row of it with the reason. */
async function play(kind: RouterKind, link: RouterLink, scenario: Scenario): Promise<Answers> {
  let stage: Stage;
  try {
    stage = await Stage.open(kind, link, scenario.settings);
  } catch (error) {
    if (error instanceof RouterRefusal) {
      const answer = `does not start: \`${error.message}\``;
      return Object.fromEntries(scenario.rows.map((row) => [row, answer]));
    }
    throw error;
  }
  await using _ = stage;
  return await scenario.run(stage);
}

// Most of the time goes by in timers: several routers at a time cost little.
suite("the speaker with every router", { concurrency: 3 }, () => {
  for (const kind of kinds) {
    suite(kind.name, { concurrency: 1 }, () => {
      let link: RouterLink | undefined;
      after(() => link?.[Symbol.asyncDispose]());
      for (const scenario of scenarios) {
        test(scenario.name, async () => {
          link ??= await RouterLink.open(`interop${kind.id}`);
          const answers = await play(kind, link, scenario);
          seen.set(kind, { ...seen.get(kind), ...answers });
          assert.deepEqual(answers, expected(kind, scenario));
        });
      }
    });
  }
});

test("docs/interop.md says what was seen", async () => {
  const columns = await Promise.all(
    kinds.map(async (kind) => ({
      name: kind.name,
      version: await kind.version(),
      answers: seen.get(kind) ?? {},
    })),
  );
  for (const { name, answers } of columns) {
    const missing = rowNames().filter((row) => answers[row] === undefined);
    assert.deepEqual(missing, [], `${name} was not seen in every row`);
  }
  const text = renderDocument(columns);
  if (process.env["ROUTELB_WRITE_DOCS"] === "1") {
    await writeFile(documentFile, text);
  }
  assert.equal(text, await readFile(documentFile, "utf8"));
});
