/**
 * Writes `test/golden/routers/*.hex`: what each router sends to a speaker, octet for octet. Needs
 * root and the routers of `test/support/routers`.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { inNamespace } from "../../lab/namespaces.ts";
import { bird } from "../support/routers/bird.ts";
import { exabgp } from "../support/routers/exabgp.ts";
import { frr } from "../support/routers/frr.ts";
import { gobgp } from "../support/routers/gobgp.ts";
import { RouterLink } from "../support/routers/link.ts";
import { openbgpd } from "../support/routers/openbgpd.ts";
import { link, type RouterKind, type RouterSettings } from "../support/routers/router.ts";
import { Program } from "./program.ts";
import type { RecorderOptions, RecorderReport } from "./programs/recorder.ts";

const settings: RouterSettings = {
  transport: "ipv4",
  asn: 64512,
  speakerAsn: 64522,
  holdTimeSeconds: 90,
};
const folder = "test/golden/routers";

async function capture(kind: RouterKind): Promise<readonly string[]> {
  await using place = await RouterLink.open(`capture${kind.id}`);
  const router = await kind.start(place.place, settings);
  const messages = new Set<string>();
  const options: RecorderOptions = { address: link.ipv4.router, asn: settings.speakerAsn };
  await using recorder = Program.start<RecorderReport>(
    "recorder",
    options,
    ({ message }) => messages.add(message),
    [],
    inNamespace(place.speakerNamespace),
  );
  await recorder.exited;
  await router.close();
  return [...messages];
}

await mkdir(folder, { recursive: true });
for (const kind of [frr, bird, gobgp, openbgpd, exabgp]) {
  const messages = await capture(kind);
  const title = `# What ${kind.name} ${await kind.version()} sent, one message a line (test/fuzz/capture.ts)`;
  await writeFile(`${folder}/${kind.id}.hex`, `${[title, ...messages].join("\n")}\n`);
  console.log(`${kind.name}: ${messages.length} messages`);
}
