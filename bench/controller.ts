import { spawn } from "node:child_process";
import { once } from "node:events";
import { loadavg } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { builtFolder } from "../lab/cluster/build.ts";
import { inNamespace } from "../lab/namespaces.ts";
import { buildProgram } from "../lab/program.ts";
import { type Place, type ServerKind, serverKinds } from "./controller/place.ts";
import { type Column, type Figure, formatFigures } from "./controller/report.ts";
import { type Subject, subjects } from "./controller/subject.ts";

const usage = `npm run bench -- controller [--server embedded|real] [--subject routelb|metallb]
                               [--count N] [--singles N] [--limit SECONDS]

After --limit seconds (d: 120; in the burst: after the last create) a phase reports what was reached
by then, and the next one begins.`;

const trial = fileURLToPath(new URL("controller/programs/trial.ts", import.meta.url));

/**
 * How fast the controller gives addresses to 10,000 Services and to one more, what it costs, and how
 * far that is from what the API server takes at all; against both API
 * servers, on the real one next to MetalLB's.
 */
export async function benchController(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      server: { type: "string" },
      subject: { type: "string" },
      count: { type: "string", default: "10000" },
      singles: { type: "string", default: "20" },
      limit: { type: "string", default: "120" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const { count, singles, limit } = values;
  const flags = [`--count=${count}`, `--singles=${singles}`, `--limit=${limit}`];
  for (const kind of serverKinds.filter(({ name }) => (values.server ?? name) === name)) {
    const columns: Column[] = [];
    for (const subject of kind.subjects.filter((name) => (values.subject ?? name) === name)) {
      const figures = await measure(kind, subject, flags);
      columns.push({ title: subjects[subject].title, figures });
    }
    const [load = 0] = loadavg();
    console.log(`\n${kind.title}, ${values.count} Services, load ${load.toFixed(1)}:\n`);
    console.log(formatFigures(columns));
  }
}

/** On a server of its own, so that nothing of one measurement is left for the next. */
async function measure(
  kind: ServerKind,
  subject: Subject["name"],
  flags: readonly string[],
): Promise<readonly Figure[]> {
  await using place = await kind.start();
  const program =
    subject === "routelb"
      ? await buildProgram(place.instance.path("program"))
      : join(await builtFolder("metallb/v0.11"), "controller");
  return await runTrial(place, [`--subject=${subject}`, `--program=${program}`, ...flags]);
}

async function runTrial(place: Place, flags: readonly string[]): Promise<readonly Figure[]> {
  const files = [`--kubeconfig=${place.kubeconfig}`, `--folder=${place.instance.path("trial")}`];
  const command = [...inNamespace(place.namespace), process.execPath, trial, ...files, ...flags];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...command], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const figures: Figure[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const figure: Figure = JSON.parse(line);
    figures.push(figure);
    console.error(`  ${figure.phase}: ${figure.name} ${figure.value.toFixed(1)}`);
  }
  const [code, signal] = await exited;
  if (code !== 0) throw new Error(`the trial ended with ${code ?? signal}`);
  return figures;
}
