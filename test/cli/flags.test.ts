import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  controllerFlags,
  parseListenAddress,
  readDaemonOptions,
  readDataplane,
  speakerFlags,
} from "../../src/cli/daemon-flags.ts";
import { formatFlags, parseFlags, UsageError } from "../../src/cli/flags.ts";

function usageError(args: readonly string[], environment: Record<string, string> = {}): string {
  try {
    readDaemonOptions(parseFlags(speakerFlags, args, environment));
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  return "";
}

describe("flags", () => {
  test("without any, the defaults of the design hold", () => {
    assert.deepEqual(readDaemonOptions(parseFlags(controllerFlags, [], {})), {
      namespace: "routelb-system",
      configName: "config",
      loadBalancerClass: { isDefault: false },
      port: 7472,
      logLevel: "info",
      servesState: true,
      notActedOn: [],
    });
  });

  test("values come after a space or an equals sign, switches alone or with =false", () => {
    const flags = parseFlags(
      speakerFlags,
      ["--port=80", "--node-name", "node1", "--lb-class", "x/y", "--default-class", "--state=off"],
      {},
    );
    const options = readDaemonOptions(flags);
    assert.equal(options.port, 80);
    assert.equal(flags.value("node-name"), "node1");
    assert.deepEqual(options.loadBalancerClass, { name: "x/y", isDefault: true });
    assert.equal(options.servesState, false);
    assert.equal(
      parseFlags(speakerFlags, ["--default-class=false"], {}).isOn("default-class"),
      false,
    );
  });

  test("the environment counts where the command line is silent", () => {
    const environment = { ROUTELB_NODE_NAME: "node2", ROUTELB_PORT: "81", ROUTELB_HOST: "" };
    const flags = parseFlags(speakerFlags, ["--port", "82"], environment);
    assert.equal(flags.value("node-name"), "node2");
    assert.equal(flags.value("port"), "82");
    assert.equal(flags.value("host"), undefined);
    assert.equal(
      parseFlags(speakerFlags, [], { ROUTELB_IGNORE_EXCLUDE_LB: "true" }).isOn("ignore-exclude-lb"),
      true,
    );
  });

  test("flags of later versions are taken, and named", () => {
    const later = { name: "later", help: "of a later version", isNotActedOn: true };
    assert.deepEqual(parseFlags([later], ["--later"], {}).notActedOn, ["later"]);
    assert.deepEqual(parseFlags([later], [], {}).notActedOn, []);
  });

  test("the data plane is asked, and warned about, unless it is said otherwise", () => {
    const read = (...args: string[]) => readDataplane(parseFlags(speakerFlags, args, {}));
    const url = "http://NODE_IP:10256/livez";
    assert.deepEqual(read(), { mode: "warn", url, rise: 2, fall: 3 });
    assert.equal(read("--dataplane-check", "off"), undefined);
    assert.deepEqual(
      read("--dataplane-check=enforce", "--dataplane-rise=1", "--dataplane-fall=9"),
      { mode: "enforce", url, rise: 1, fall: 9 },
    );
  });

  test("--listen takes a port, with an address before it or not", () => {
    const read = (value: string) => {
      const listen = parseListenAddress(value);
      return listen && [listen.address?.text, listen.port];
    };
    assert.deepEqual(read("179"), [undefined, 179]);
    assert.deepEqual(read("172.16.7.11:1790"), ["172.16.7.11", 1790]);
    assert.deepEqual(read("[fd12::1]:179"), ["fd12::1", 179]);
    assert.equal(read("off"), undefined);
    for (const wrong of ["[::1]", "::1:179", "0", "70000", "router:179", ""]) {
      assert.equal(read(wrong), undefined, wrong);
    }
    assert.equal(
      usageError(["--listen", "router:179"]),
      "--listen: router:179 is neither off nor PORT nor ADDR:PORT",
    );
  });

  test("what we do not understand is refused with one sentence", () => {
    assert.equal(usageError(["--prot", "1"]), "unknown flag --prot");
    assert.equal(usageError(["-v"]), "unknown flag -v");
    assert.equal(usageError(["config"]), "unexpected argument config");
    assert.equal(usageError(["--port"]), "--port needs a value: --port PORT");
    assert.equal(usageError(["--port="]), "--port needs a value: --port PORT");
    assert.equal(usageError(["--port", "1", "--port", "2"]), "--port is given twice");
    assert.equal(
      usageError(["--port", "70000"]),
      "--port: 70000 is not a whole number from 1 to 65535",
    );
    assert.equal(usageError(["--default-class"]), "--default-class needs --lb-class");
    assert.equal(
      usageError([], { ROUTELB_STATE: "yes" }),
      "ROUTELB_STATE: yes is not one of on, off",
    );
    assert.equal(
      usageError(["--withdraw-guard", "50"]),
      "--withdraw-guard: 50 is neither off nor a share from 0% to 100%",
    );
    assert.equal(
      usageError(["--drain-time", "10"]),
      "--drain-time: 10 is not a duration like 15s or 1m30s",
    );
    assert.equal(usageError(["--drain-time", "600h"]), "--drain-time: 600h is longer than 1h");
    assert.equal(
      usageError(["--drain-time", "-1s"]),
      "--drain-time: -1s is not a duration like 15s or 1m30s",
    );
    assert.equal(usageError(["--drain-time", "1h", "--node-name", "node1"]), "");
  });

  test("the usage names every flag", () => {
    const usage = formatFlags(speakerFlags);
    for (const { name } of speakerFlags) {
      assert.ok(usage.includes(`--${name}`), name);
    }
  });
});
