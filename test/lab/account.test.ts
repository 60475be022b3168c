import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProbeResult } from "../../lab/http-probe.ts";
import { formatAccount, formatNextHops, settle } from "../../lab/sights/account.ts";

const three = ["172.16.7.11", "172.16.7.12", "172.16.7.13"];
const two = three.slice(1);
const window = { fromMs: 1_000, toMs: 2_000 };

function request(startMs: number, endMs: number, outcome = "200"): ProbeResult {
  return { startMs, endMs, outcome, pod: "", node: "", client: "" };
}

const failedAt = (startMs: number, endMs: number) => request(startMs, endMs, "timeout");
const brokenAt = (startMs: number, endMs: number) => ({
  ...request(startMs, endMs, "ECONNRESET"),
  connectedMs: startMs + 1,
});

test("failed requests are sorted by what the route did meanwhile", () => {
  const [early, straddling, atOnce, late] = [
    brokenAt(1_100, 1_200),
    brokenAt(1_300, 1_600),
    brokenAt(1_500, 1_550),
    brokenAt(1_501, 1_550),
  ] as const;
  const changes = [{ atMs: 1_500, gateways: two }];
  const { sent, failed } = settle([early, straddling, atOnce, late], three, changes, window);
  assert.deepEqual(failed, { before: [early], across: [straddling, atOnce], after: [late] });
  assert.equal(sent, 4);
});

test("a connection that nobody took is excused by no change but one at its begin", () => {
  const changes = [
    { atMs: 1_500, gateways: two },
    { atMs: 1_900, gateways: three },
  ];
  const waited = [failedAt(1_300, 2_300), failedAt(1_460, 2_460), failedAt(1_600, 2_600)] as const;
  const { failed } = settle(waited, three, changes, window);
  const [before, across, after] = waited;
  assert.deepEqual(failed, { before: [before], across: [across], after: [after] });
});

test("a connection that hung long before a change is not excused by it", () => {
  const changes = [
    { atMs: 1_100, gateways: two },
    { atMs: 1_800, gateways: three },
  ];
  const [hung, broken] = [brokenAt(1_200, 2_200), brokenAt(1_300, 2_300)] as const;
  const { failed } = settle([hung, broken], three, changes, window);
  assert.deepEqual([failed.after, failed.across], [[hung], [broken]]);
});

test("a request that failed just before the monitor told of the change was under way", () => {
  const changes = [{ atMs: 1_500, gateways: two }];
  const [just, long] = [brokenAt(1_300, 1_460), brokenAt(1_300, 1_440)] as const;
  const { failed } = settle([just, long], three, changes, window);
  assert.deepEqual([failed.across, failed.before], [[just], [long]]);
});

test("what the kernel had anyway is no change", () => {
  const changes = [
    { atMs: 1_200, gateways: three.toReversed() },
    { atMs: 1_500, gateways: two },
  ];
  const { failed, nextHops } = settle([failedAt(1_300, 1_310)], three, changes, window);
  assert.equal(failed.before.length, 1);
  assert.deepEqual(
    nextHops.map(({ atMs, gateways }) => [atMs, gateways.length]),
    [
      [1_000, 3],
      [1_500, 2],
    ],
  );
});

test("the longest gap counts from the begin, between answers, and to the end", () => {
  const gap = (...results: ProbeResult[]) => settle(results, three, [], window).longestGapMs;
  assert.equal(gap(request(1_000, 1_300), request(1_300, 1_900)), 600);
  assert.equal(gap(request(1_000, 1_100), request(1_100, 1_200)), 800);
  assert.equal(gap(request(1_500, 1_950)), 950);
  assert.equal(gap(failedAt(1_100, 1_200)), 1_000);
  assert.equal(gap(request(1_100, 1_700), request(1_200, 1_500)), 500);
});

test("requests that began outside the window are not counted", () => {
  const { sent, failed } = settle(
    [failedAt(900, 1_100), failedAt(2_001, 2_100)],
    three,
    [],
    window,
  );
  assert.deepEqual([sent, failed], [0, { after: [], across: [], before: [] }]);
});

test("an account says what was lost, the longest gap, and the next hops over time", () => {
  const results = [request(1_000, 1_100), failedAt(1_550, 1_590), request(1_700, 1_800)];
  const changes = [
    { atMs: 1_500, gateways: [] },
    { atMs: 1_650, gateways: three },
  ];
  assert.equal(
    formatAccount(settle(results, three, changes, window), 1_000),
    "3 requests, lost: 1 begun after the route changed, 0 connected as it changed, 0 else; " +
      "longest gap 0.70 s; next hops 3; 0 at 0.50 s; 3 at 0.65 s",
  );
});

test("of many changes the first twelve are shown", () => {
  const changes = Array.from({ length: 14 }, (_, index) => ({
    atMs: 1_010 + index * 10,
    gateways: index % 2 === 0 ? two : three,
  }));
  const told = formatNextHops(settle([], three, changes, window), 1_000);
  assert.match(told, /^3; 2 at 0\.01 s; .*; 3 at 0\.12 s; 2 more$/);
});
