import { cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./command.ts";
import { exclusively } from "./mutex.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Builds the bundle from the sources as they are now and copies it below `directory`, so that a lab
 * goes on with the program that it started with. Resolves with the JavaScript file.
 */
export async function buildProgram(directory: string): Promise<string> {
  await exclusively("build", async () => {
    await run(process.execPath, ["scripts/build.ts"], { cwd: root, timeoutMs: 120_000 });
    await cp(join(root, "dist"), directory, { recursive: true });
  });
  return join(directory, "routelb.js");
}
