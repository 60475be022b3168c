import { readFileSync } from "node:fs";

/** The version of the program: fixed in the bundle, read from package.json beside the sources. */
export function programVersion(): string {
  const built = process.env["ROUTELB_VERSION"];
  if (built !== undefined) {
    return built;
  }
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? "unknown";
}
