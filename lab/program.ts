import { cp, glob, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./command.ts";
import { exclusively } from "./mutex.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Builds the bundle unless it is as new as the sources, and copies it below `directory`, so that a
 * lab goes on with the program that it started with. Resolves with the JavaScript file.
 */
export async function buildProgram(directory: string): Promise<string> {
  await exclusively("build", async () => {
    if (await isStale()) {
      await run(process.execPath, ["scripts/build.ts"], { cwd: root, timeoutMs: 120_000 });
    }
    await cp(join(root, "dist"), directory, { recursive: true });
  });
  return join(directory, "routelb.js");
}

async function isStale(): Promise<boolean> {
  const built = await stat(join(root, "dist/routelb.js")).catch(() => undefined);
  if (built === undefined) return true;
  for await (const path of glob(["src/**/*.ts", "scripts/{build,bundle}.ts", "package-lock.json"], {
    cwd: root,
  })) {
    if ((await stat(join(root, path))).mtimeMs > built.mtimeMs) return true;
  }
  return false;
}
