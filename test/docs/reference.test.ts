import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { controllerFlags, speakerFlags } from "../../src/cli/daemon-flags.ts";
import type { Config } from "../../src/config/model.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { shortfallReasons } from "../../src/controller/shortfall.ts";
import { findingsOf } from "../support/config-text.ts";
import { readBlocks } from "./blocks.ts";
import { pages } from "./pages.ts";

/** Cells of the rows of a page's tables whose first cell matches. */
function rowsOf(page: string, first: RegExp): readonly (readonly string[])[] {
  return readFileSync(page, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(([cell = ""]) => first.test(cell));
}

function parsed(text: string): Config {
  const result = parseConfig(text);
  assert.ok(result.ok, JSON.stringify(result.findings));
  return result.config;
}

const least = `peers: [{my-asn: 64522, peer-asn: 64512, peer-address: 172.16.9.1, bfd-profile: b}]
address-pools: [{name: p, protocol: bgp, addresses: [192.0.2.0/24], service-allocation: {}}]
bfd-profiles: [{name: b}]
`;

/** What is written in the place of a key must make no difference: then it is the default. */
const samples: Readonly<Record<string, string>> = {
  "peer-port": "179",
  "hold-time": "90s",
  "connect-time": "10s",
  "send-hold-time": "480s",
  "ebgp-multihop": "false",
  "graceful-restart": "{restart-time: 120s}",
  families: "[ipv4, ipv6]",
  "import-limit": "0",
  "link-bandwidth": "auto",
  name: "172.16.9.1:179",
  "avoid-buggy-ips": "false",
  "auto-assign": "true",
  sharing: "cluster",
  weights: "false",
  "aggregation-length": "32",
  "aggregation-length-v6": "128",
  "local-host-routes": "true",
  localpref: "100",
  med: "0",
  prepend: "0",
  "receive-interval": "300",
  "transmit-interval": "300",
  "detect-multiplier": "3",
  "passive-mode": "false",
  "minimum-ttl": "254",
  "echo-mode": "false",
  "echo-interval": "50",
};

/** Where a section's keys stand in a configuration with one of each. */
const placed: Readonly<Record<string, (entry: string) => string>> = {
  "## peers[]": (entry) => least.replace("{my-asn", `{${entry}, my-asn`),
  "## address-pools[]": (entry) => least.replace("{name: p", `{${entry}, name: p`),
  "## address-pools[].bgp-advertisements[]": (entry) =>
    least.replace("{name: p", `{bgp-advertisements: [{${entry}}], name: p`),
  "## bfd-profiles[]": (entry) => least.replace("{name: b", `{${entry}, name: b`),
};

/** `required` and what the parser derives from elsewhere have no value of their own to compare. */
const withoutValue =
  /required|^(?:text|like|name|list|address|mapping)\b.*(?:none|kernel's choice|see below|every node|all|with defaults|nothing allowed)|, (?:none|off)$|none$|a third of|`address:port`/;

test("each default of configuration.md is the parser's: writing it out changes nothing", () => {
  const text = readFileSync("docs/configuration.md", "utf8");
  let compared = 0;
  for (const [heading, place] of Object.entries(placed)) {
    const start = text.indexOf(`${heading}\n`);
    assert.ok(start >= 0, heading);
    const section = text.slice(start + heading.length).split(/^## /m)[0] ?? "";
    for (const [, key = "", type = ""] of section.matchAll(
      /^\| (?:\+ )?`([\w-]+)`[^|]*\| ([^|]+) \|/gm,
    )) {
      const sample = samples[key];
      if (sample === undefined || /required/.test(type)) {
        assert.match(type, withoutValue, `${heading} ${key}: a default that no test compares`);
        continue;
      }
      const plain = sample
        .replaceAll(/[{}[\]]|restart-time: /g, "")
        .replace("172.16.9.1:179", "address:port");
      assert.ok(
        type.replaceAll("`", "").includes(plain) || /none/.test(type) || key === "families",
        `${heading} ${key}: the page says ${type}, the code ${sample}`,
      );
      assert.deepEqual(parsed(place(`${key}: ${sample}`)), parsed(least), `${heading} ${key}`);
      compared += 1;
    }
  }
  assert.equal(compared, Object.keys(samples).length);
});

test("the table of flags in install.md is that of the code", () => {
  const rows = rowsOf("docs/install.md", /^`--/);
  const names = new Set([...controllerFlags, ...speakerFlags].map(({ name }) => name));
  const expected = [...names].map((name) => {
    const [controller, speaker] = [controllerFlags, speakerFlags].map((flags) =>
      flags.find((flag) => flag.name === name),
    );
    const flag = controller ?? speaker;
    assert.ok(flag);
    const of = controller === undefined ? "speaker" : speaker === undefined ? "controller" : "both";
    const { placeholder, default: preset, help } = flag;
    const head = `\`--${name}${placeholder === undefined ? "" : ` ${placeholder}`}\``;
    const cells = [head, preset === undefined ? "" : `\`${preset}\``, of, help];
    return cells.map((cell) => cell.replaceAll("|", "\\|"));
  });
  assert.deepEqual(rows, expected);
});

test("troubleshoot.md has every reason for a Service without an address", () => {
  const rows = rowsOf("docs/troubleshoot.md", /^`[a-z-]+`$/).map(([cell]) =>
    cell?.replaceAll("`", ""),
  );
  assert.deepEqual(rows, [...shortfallReasons]);
});

test("what troubleshoot.md quotes of a session's last error is in the code", () => {
  const source = ["src/bgp/down-reason.ts", "src/speaker/peers.ts", "src/cli/report/status-text.ts"]
    .map((file) => readFileSync(file, "utf8"))
    .join("");
  const section = readFileSync("docs/troubleshoot.md", "utf8").split("| LAST ERROR has")[1] ?? "";
  const quoted = Array.from(
    (section.split("\n\n")[0] ?? "").matchAll(/^\| `([^`]+)` \|/gm),
    ([, quote = ""]) => quote,
  );
  assert.equal(quoted.length, 10);
  for (const quote of quoted) {
    const parts = quote.split(/ in OpenSent$/);
    assert.ok(source.includes(parts[0] ?? quote), quote);
  }
});

test("every whole configuration on a page is without findings", () => {
  const examples = pages
    .flatMap(readBlocks)
    .filter(({ language, place }) => language === "yaml" && place === "config");
  assert.ok(examples.length >= 7);
  for (const { page, line, text } of examples) {
    assert.deepEqual(findingsOf(text), [], `${page}:${line}`);
  }
});

test("a flag's default in a sentence, as in `--drain-time` (10 s), is the flag's", () => {
  const flags = [...controllerFlags, ...speakerFlags];
  const everyPage = ["README.md", ...globSync("docs/*.md")];
  let compared = 0;
  for (const page of everyPage) {
    const text = readFileSync(page, "utf8").replaceAll(/\s+/g, " ");
    for (const [, name = "", value = ""] of text.matchAll(/`--([\w-]+)` \((\d+ ?(?:s|%)?)\)/g)) {
      const flag = flags.find((each) => each.name === name);
      assert.equal(value.replace(" ", ""), flag?.default, `${page}: --${name}`);
      compared += 1;
    }
  }
  assert.ok(compared >= 2);
});

test("times in sentences are the parser's defaults", () => {
  const [peer] = parsed(least).peers;
  const text = ["README.md", ...globSync("docs/*.md")]
    .map((page) => readFileSync(page, "utf8").replaceAll(/\s+/g, " "))
    .join(" ");
  for (const [pattern, value] of [
    [/(\d+) s unless you say less/g, peer?.holdTimeSeconds],
    [/restart time \((\d+) s\)/g, peer?.gracefulRestart?.restartTimeSeconds],
  ] as const) {
    const stated = Array.from(text.matchAll(pattern), ([, seconds]) => Number(seconds));
    assert.ok(stated.length > 0, String(pattern));
    assert.deepEqual(new Set(stated), new Set([value]));
  }
});

test("the exact figures of lint's usual limits stand in routers.md", () => {
  const source = readFileSync("src/cli/lint/path-findings.ts", "utf8");
  const page = readFileSync("docs/routers.md", "utf8");
  for (const [name, shown] of [
    ["usualPaths", "64"],
    ["usualNextHops", "16,384"],
  ] as const) {
    const value = new RegExp(`const ${name} = ([\\d_]+);`).exec(source)?.[1];
    assert.equal(value?.replaceAll("_", ""), shown.replaceAll(",", ""));
    assert.ok(page.includes(shown), `docs/routers.md: ${shown}`);
  }
});
