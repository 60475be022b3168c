import assert from "node:assert/strict";
import type {
  AdvertisementConfig,
  Config,
  PeerConfig,
  PoolConfig,
} from "../../src/config/model.ts";
import { formatFinding, parseConfig } from "../../src/config/parse.ts";

/** A file with one peer; the first of `lines` is line 5, at column 3. */
export function peerText(lines: string): string {
  return `peers:\n- my-asn: 64522\n  peer-asn: 64512\n  peer-address: 10.0.0.1\n${indent(lines)}\n`;
}

/** A file with one pool; the first of `lines` is line 5, at column 3. */
export function poolText(lines: string, addresses = "10.0.0.0/24"): string {
  return `address-pools:\n- name: a\n  protocol: bgp\n  addresses: ["${addresses}"]\n${indent(lines)}\n`;
}

function indent(lines: string): string {
  return lines.replaceAll(/^/gm, "  ");
}

/** What `routelb lint` says of a text, without the name of the file. */
export function findingsOf(text: string): string[] {
  const { findings } = parseConfig(text, { layer2: "error" });
  return findings.map((finding) => formatFinding(finding).replace(/^config:/, ""));
}

/** The configuration of a text without errors. */
export function accept(text: string): Config {
  const parsed = parseConfig(text);
  const errors = parsed.findings.filter(({ severity }) => severity === "error");
  assert.deepEqual(
    errors.map((finding) => formatFinding(finding)),
    [],
  );
  assert.ok(parsed.ok);
  return parsed.config;
}

export function peerWith(lines: string): PeerConfig {
  const [peer] = accept(peerText(lines)).peers;
  assert.ok(peer);
  return peer;
}

export function poolWith(lines: string, addresses?: string): PoolConfig {
  const [pool] = accept(poolText(lines, addresses)).pools;
  assert.ok(pool);
  return pool;
}

export function advertisementsWith(lines: string): readonly AdvertisementConfig[] {
  return poolWith(`bgp-advertisements:\n${lines}`).advertisements;
}
