import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import type { Instance } from "../../lab/instance.ts";
import { waitFor } from "../../lab/wait.ts";
import type { BgpSpeaker } from "../support/bgp-speaker.ts";
import { FrrLink } from "../support/frr-link.ts";
import { bird } from "../support/routers/bird.ts";
import { RouterLink } from "../support/routers/link.ts";

const types = { OPEN: "1", UPDATE: "2", NOTIFICATION: "3", KEEPALIVE: "4" } as const;

/** One packet as tshark shows it; a field that stands there several times has several values. */
type Packet = Readonly<Record<string, readonly string[]>>;

/** A session's recorded messages, read by tshark with every check that it has switched on. */
class Capture {
  readonly #file: string;
  readonly #asnOctets: 2 | 4;

  private constructor(file: string, asnOctets: 2 | 4) {
    this.#file = file;
    this.#asnOctets = asnOctets;
  }

  static async of(
    speaker: BgpSpeaker,
    { instance }: { readonly instance: Instance },
    asnOctets: 2 | 4 = 4,
  ): Promise<Capture> {
    const file = instance.path(`capture-${performance.now()}.pcap`);
    await speaker.request({ type: "capture", path: file });
    return new Capture(file, asnOctets);
  }

  async packets(filter: string, ...fields: readonly string[]): Promise<Packet[]> {
    const options = [
      "tcp.check_checksum:TRUE",
      "ip.check_checksum:TRUE",
      // Else tshark guesses, and not always well.
      `bgp.asn_len:${this.#asnOctets}`,
    ];
    const { stdout } = await promisify(execFile)(
      "tshark",
      [
        "-n",
        "-r",
        this.#file,
        "-Y",
        filter,
        "-T",
        "fields",
        "-E",
        "aggregator=;",
        ...options.flatMap((option) => ["-o", option]),
        ...fields.flatMap((field) => ["-e", field]),
      ],
      { maxBuffer: 64 * 1024 * 1024 },
    );
    return stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => {
        const columns = line.split("\t");
        return Object.fromEntries(
          fields.map((field, index) => [field, (columns[index] ?? "").split(";").filter(Boolean)]),
        );
      });
  }

  async values(filter: string, field: string): Promise<string[]> {
    return (await this.packets(filter, field)).flatMap((packet) => packet[field] ?? []);
  }

  /** What tshark finds wrong, but for messages that it says were cut. */
  faults(): Promise<Packet[]> {
    const wrong = [
      "_ws.malformed",
      "_ws.expert.severity >= warning",
      "tcp.analysis.flags",
      "tcp.checksum.status == Bad",
      "ip.checksum.status == Bad",
    ];
    return this.packets(wrong.join(" || "), "frame.number", "_ws.expert.message");
  }
}

/** The addresses of a link that has just come up, and so the next hops, may take a moment. */
function inSync(speaker: BgpSpeaker) {
  return speaker.waitFor(
    "the router has every route",
    ({ synced, pending, withheld }) => synced && pending === 0 && withheld.length === 0,
  );
}

test("tshark reads a session with FRR: every message, each prefix, across TCP segments", async () => {
  await using link = await FrrLink.start("capture");
  const speaker = await link.speaker();
  await speaker.request({ type: "routes", routes: { count: 10_000 } });
  await inSync(speaker);
  await speaker.request({ type: "routes", routes: [{ prefix: "2001:db8:7::1/128" }] });
  await inSync(speaker);
  await speaker.request({ type: "close", text: "the record ends here" });
  const capture = await Capture.of(speaker, link);

  assert.deepEqual(await capture.faults(), []);
  const ours = "ip.src == 172.16.7.11 && tcp.dstport == 179";
  const theirs = "ip.src == 172.16.7.1 && tcp.srcport == 179";
  // A router that is still starting closes the first connections: their OPENs are recorded, too.
  const asns = async (from: string) =>
    new Set(await capture.values(`${from} && bgp.type == 1`, "bgp.open.myas"));
  assert.deepEqual(await asns(ours), new Set(["64522"]));
  assert.deepEqual(await asns(theirs), new Set(["64512"]));
  const sent = await capture.values(ours, "bgp.type");
  const open = sent.lastIndexOf(types.OPEN);
  assert.deepEqual(
    [sent[0], sent[open + 1], sent.at(-1)],
    [types.OPEN, types.KEEPALIVE, types.NOTIFICATION],
  );
  assert.ok((await capture.values(theirs, "bgp.type")).includes(types.KEEPALIVE));
  const advertised = `${ours} && bgp.update.path_attribute.origin`;
  const prefixes = await capture.values(advertised, "bgp.nlri_prefix");
  assert.equal(new Set(prefixes).size, 10_000);
  assert.deepEqual(await capture.values(advertised, "bgp.mp_reach_nlri_ipv6_prefix"), [
    "2001:db8:7::1",
  ]);
  const withdrawn = await capture.values(ours, "bgp.withdrawn_prefix");
  assert.deepEqual(new Set(withdrawn), new Set(prefixes));
  const [text] = await capture.values(`${ours} && bgp.type == 3`, "bgp.notify.communication");
  assert.equal(text, "the record ends here");
});

test("over IPv6, and with more than is kept: what was cut is said to be", async () => {
  await using link = await FrrLink.start("capturesix", {
    lines: ["neighbor fd00:7::11 remote-as 64522", "neighbor fd00:7::11 timers 30 90"],
  });
  const speaker = await link.speaker({ peerAddress: "fd00:7::1" });
  const count = 40_000;
  await speaker.request({ type: "routes", routes: { count } });
  const refreshes = 8;
  for (let refresh = 1; refresh <= refreshes; refresh += 1) {
    const { counters: before } = await inSync(speaker);
    await link.frr.vtysh("clear bgp ipv4 unicast fd00:7::11 soft in");
    await speaker.waitFor(
      `all routes were sent again, time ${refresh}`,
      ({ counters, pending }) =>
        !pending &&
        counters.routeRefreshesSent >= before.routeRefreshesSent + 2 &&
        counters.prefixesAdvertised >= before.prefixesAdvertised + count,
    );
  }
  const capture = await Capture.of(speaker, link);

  assert.deepEqual(await capture.faults(), []);
  const ours = "ipv6.src == fd00:7::11 && tcp.dstport == 179";
  const cut = await capture.packets(`${ours} && frame.cap_len < frame.len`, "frame.number");
  assert.ok(cut.length > 0, "some messages were cut");
  const refresh = await capture.values("bgp.type == 5", "bgp.route_refresh.subtype");
  assert.deepEqual(new Set(refresh), new Set(["0", "1", "2"]));
  const prefixes = await capture.values(ours, "bgp.nlri_prefix");
  assert.equal(new Set(prefixes).size, count);
});

test("a 4-octet AS number towards BIRD without them: 23456, and AS4_PATH, from which BIRD rebuilds the path", async () => {
  const asn = 4_200_000_001;
  const settings = {
    transport: "ipv4",
    asn: 64512,
    speakerAsn: asn,
    holdTimeSeconds: 9,
    twoOctetAsn: true,
  } as const;
  await using link = await RouterLink.open("twooctets");
  const router = await bird.start(link.place, settings);
  await using speaker = await link.speaker(settings);
  const prefix = "172.16.7.192/32";
  await speaker.request({ type: "routes", routes: [{ prefix, attributes: { prepend: 1 } }] });
  const route = await waitFor(() => router.route(prefix), {
    what: `BIRD has ${prefix}`,
    timeoutMs: 20_000,
  });
  assert.equal(route.asPath, `${asn} ${asn}`);
  const { isUp, remoteAsn } = await router.neighbour();
  assert.deepEqual([isUp, remoteAsn], [true, asn]);
  const [own = ""] = /Local capabilities[^]*?Neighbor/.exec(await router.history()) ?? [];
  assert.match(own, /Multiprotocol/);
  assert.doesNotMatch(own, /4-octet AS numbers/);

  const capture = await Capture.of(speaker, link, 2);
  assert.deepEqual(await capture.faults(), []);
  const ours = "ip.src == 172.16.7.11 && tcp.dstport == 179";
  const opens = await capture.values(`${ours} && bgp.type == 1`, "bgp.open.myas");
  assert.deepEqual(new Set(opens), new Set(["23456"]));
  const path = (octets: 2 | 4) =>
    capture.values(ours, `bgp.update.path_attribute.as_path_segment.as${octets}`);
  assert.deepEqual(await path(2), ["23456", "23456"], "AS_PATH");
  assert.deepEqual(await path(4), [`${asn}`, `${asn}`], "AS4_PATH");
  await router.close();
});
