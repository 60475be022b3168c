/**
 * Adds to npm's own CycloneDX list (standard input) what else is in the image: Node itself, and the
 * Debian packages in the file that is named, `NAME VERSION ARCHITECTURE` a line.
 */
import { readFileSync } from "node:fs";

const bill: { components: object[] } = JSON.parse(readFileSync(0, "utf8"));
const [, , packagesFile = ""] = process.argv;
const debian = readFileSync(packagesFile, "utf8")
  .trim()
  .split("\n")
  .map((line) => {
    const [name = "", version = "", architecture = ""] = line.split(" ");
    const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`;
    return { "bom-ref": purl, type: "library", name, version, purl };
  });
const version = process.versions.node;
const purl = `pkg:generic/node@${version}`;
const node = { "bom-ref": purl, type: "application", name: "node", version, purl };
bill.components.push(node, ...debian);
process.stdout.write(`${JSON.stringify(bill, undefined, 2)}\n`);
