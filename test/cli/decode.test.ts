import assert from "node:assert/strict";
import { test } from "node:test";
import { runDecode } from "../../src/cli/decode.ts";
import { UsageError } from "../../src/cli/flags.ts";

async function decode(args: readonly string[], stdin = "") {
  let output = "";
  let errors = "";
  const code = await runDecode(args, {
    stdin: (async function* () {
      yield stdin;
    })(),
    environment: {},
    write: (text) => {
      output += text;
    },
    writeError: (text) => {
      errors += text;
    },
  });
  return { code, output, errors };
}

const marker = "ff".repeat(16);
/** Captured from FRR 8.4.4. */
const open = `${marker} 0071 01 04fc000009ac1009015402060104000100010206010400020001020280000202020002024600020641040000fc0002020600020a450800010101000201010206490402766d0002044002c0780210470e0001018000000000020180000000`;
const update = `${marker} 0068 02 00000049400101005002000e02030000fc000000fc000000fc00400304ac10070180040400000032c00808fc000001ffffff01c0200c0000fc000000000100000002c010080004fc004a3ebc2000180a0203100a01`;
const update6 = `${marker} 0083 02 0000006c900e002c00020120fd000007000000000000000000000001fe800000000000000000000000070001003020010db8000140010100500200080203fc00fc00fc0080040400000032c00808fc000001ffffff01c0200c0000fc000000000100000002c010080004fc004a3ebc20`;

test("an OPEN is explained field by field", async () => {
  const { code, output } = await decode([open]);
  assert.equal(code, 0);
  assert.equal(
    output,
    `OPEN, 113 octets
  version            4
  AS, in two octets  64512
  Hold Time          9 s
  BGP Identifier     172.16.9.1
  capability         multiprotocol ipv4 unicast
  capability         multiprotocol ipv6 unicast
  capability         code 128
  capability         route-refresh
  capability         enhanced-route-refresh
  capability         four-octet-asn 64512
  capability         extended-message
  capability         code 69: 0001010100020101
  capability         hostname vm
  capability         graceful-restart 120 s, R, N
  capability         code 71: 0001018000000000020180000000
`,
  );
});

test("an UPDATE is explained attribute by attribute", async () => {
  const { code, output } = await decode([], update.replaceAll(" ", "\n"));
  assert.equal(code, 0);
  assert.equal(
    output,
    `UPDATE, 104 octets
  ORIGIN                igp
  AS_PATH               64512 64512 64512
  NEXT_HOP              172.16.7.1
  MULTI_EXIT_DISC       50
  COMMUNITIES           64512:1 no-export
  EXTENDED_COMMUNITIES  link-bandwidth:64512:3125000 octets/s (transitive)
  LARGE_COMMUNITIES     64512:1:2
  NLRI                  0.0.0.0/0 10.2.3.0/24 10.1.0.0/16
`,
  );
});

test("AS numbers of two octets are read when told so", async () => {
  const { output } = await decode(["--two-octet-asn", update6]);
  assert.match(output, /^ {2}AS_PATH +64512 64512 64512$/m);
  assert.match(
    output,
    /^ {2}MP_REACH_NLRI +ipv6 unicast through fd00:7::1 and fe80::7:1: 2001:db8:1::\/48$/m,
  );
  const { output: wrong } = await decode([update6]);
  assert.match(wrong, /^ {2}malformed +AS_PATH: .* \(RFC 7606 §7.2\): treat-as-withdraw$/m);
});

test("several messages: KEEPALIVE, ROUTE-REFRESH, End-of-RIB, NOTIFICATION with its text", async () => {
  const { code, output } = await decode([
    `${marker} 0013 04`,
    `${marker} 0017 05 00010101`,
    `${marker} 001d 02 00000006800f03000201`,
    `${marker} 0019 03 0602 03627965`,
  ]);
  assert.equal(code, 0);
  assert.equal(
    output,
    `KEEPALIVE, 19 octets
ROUTE-REFRESH, 23 octets
  family   ipv4 unicast
  subtype  begin of the answer
UPDATE, 29 octets
  End-of-RIB  ipv6 unicast
NOTIFICATION, 25 octets
  error  6/2 Cease, Administrative Shutdown
  text   bye
`,
  );
});

test("a message that breaks the protocol: what a NOTIFICATION would say, exit code 1", async () => {
  const { code, errors } = await decode([`${marker} 0012 04`]);
  assert.equal(code, 1);
  assert.equal(
    errors,
    "NOTIFICATION 1/2 Message Header Error, Bad Message Length (data 0012): a message of 18 octets\n",
  );
});

test("a message that is cut short is said to be", async () => {
  const { code, errors } = await decode([`${marker}00`]);
  assert.deepEqual([code, errors], [1, "the last 17 octets are no whole message\n"]);
});

for (const [what, args, message] of [
  ["nothing", [], /give the octets/],
  ["no hexadecimal", ["xyz"], /x is no hexadecimal digit/],
  ["half an octet", ["fff"], /no whole octets/],
  ["an unknown flag", ["--four", "ff"], /unknown flag --four/],
] as const) {
  test(`${what} is a usage error`, async () => {
    await assert.rejects(decode(args), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  });
}
