import { once } from "node:events";
import { createConnection } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { LabProcess } from "../../../lab/processes.ts";
import { waitFor } from "../../../lab/wait.ts";
import { bundleOptions } from "../../../scripts/bundle.ts";
import type { RunningSender, Sender } from "../sender.ts";

/** A sender that is a program of ours (`programs/`), told what to do over a UNIX socket. */
export function programSender(
  name: string,
  program: "routelb" | "replay",
  ...options: readonly string[]
): Sender {
  return {
    name,
    async start({ namespace, directory }, count): Promise<RunningSender> {
      const path = join(directory, "commands");
      const file = await bundle(program, directory);
      const running = await LabProcess.start({
        name,
        namespace,
        // The variable as in the manifests of deploy/.
        command: ["env", "MALLOC_ARENA_MAX=1", process.execPath, file, path, ...options],
        logFile: join(directory, `${program}.log`),
      });
      const socket = await waitFor(
        async () => {
          const attempt = createConnection(path);
          await once(attempt, "connect");
          return attempt;
        },
        { what: `${name} takes commands`, timeoutMs: 10_000 },
      );
      const lines = createInterface(socket);
      const command = async (text: string): Promise<void> => {
        const done = once(lines, "line");
        socket.write(`${text}\n`);
        await done;
      };
      await command(`load ${count}`);
      return {
        pids: [running.pid],
        connect: () => command("connect"),
        withdrawAll: () => command("withdraw-all"),
        change: (isPresent) => command(isPresent ? "change present" : "change absent"),
        async [Symbol.asyncDispose]() {
          socket.destroy();
          await running.stop();
        },
      };
    },
  };
}

/**
 * As RouteLB is shipped: TypeScript that Node strips by itself takes 45 MB more. What is imported
 * lazily stays a file of its own.
 */
async function bundle(program: string, outdir: string): Promise<string> {
  await build({
    ...bundleOptions,
    entryPoints: [fileURLToPath(new URL(`../programs/${program}.ts`, import.meta.url))],
    outdir,
    outExtension: { ".js": ".mjs" },
    splitting: true,
    external: ["koffi"],
  });
  return join(outdir, `${program}.mjs`);
}
