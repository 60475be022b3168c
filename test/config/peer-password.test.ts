import assert from "node:assert/strict";
import { test } from "node:test";
import { findingsOf, peerText } from "../support/config-text.ts";
import { passwordLines } from "../support/password-lines.ts";

for (const [lines, findings] of Object.entries(passwordLines)) {
  test(`no finding shows the password in ${lines.replaceAll("\n", ", ")}`, () => {
    const found = findingsOf(peerText(lines));
    assert.deepEqual(found, findings);
    assert.equal(found.join("\n").includes("s3cret"), false);
  });
}
