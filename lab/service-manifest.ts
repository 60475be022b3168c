import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Lab } from "./lab.ts";
import type { Variant } from "./variant.ts";

type Name = "nginx" | "nginx-local";

/** The file of one of the lab's manifests, as the scenario has it. */
export function manifestPath(name: Name): string {
  return fileURLToPath(new URL(`manifests/${name}.yaml`, import.meta.url));
}

/**
 * As `manifestPath`; where the lab is not of IPv4 alone, of a copy whose
 * Services ask for the lab's families.
 */
export async function manifestFile(lab: Lab, name: Name): Promise<string> {
  const written = manifestPath(name);
  const families = familyLines(lab.variant);
  if (families === "") return written;
  const path = lab.instance.path(`${name}.yaml`);
  const text = await readFile(written, "utf8");
  await writeFile(
    path,
    text.replace("  type: LoadBalancer\n", (line) => `${line}${families}`),
  );
  return path;
}

function familyLines({ families }: Variant): string {
  if (families.length > 1) return "  ipFamilyPolicy: PreferDualStack\n";
  return families[0] === "ipv6" ? "  ipFamilies: [IPv6]\n" : "";
}
