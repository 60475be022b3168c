import { type Answers, type RowName, rows } from "./rows.ts";

/** One column of the table. */
export interface Column {
  readonly name: string;
  readonly version: string;
  readonly answers: Answers;
}

const introduction = `# Interoperability

RouteLB's BGP speaker (\`src/bgp\`, \`src/bfd\`) with the BGP routers that Debian 12 has, each in a
network namespace of its own, and each asked for what it sees: what counts is the router's own output.
This file is written by the test that does it, which also fails when the table is no longer true:

    ROUTELB_WRITE_DOCS=1 node --test test/lab/interop/matrix.test.ts

"yes" stands for what the list below the table says. A number leads to what the router answered
instead; the test waits for exactly that.
`;

const hints = `## What these routers need

- **BIRD** refuses connections for a minute after an error, such as the end of the Hold Time, and for
  up to five after the next ones: \`error wait time 1, 10;\` lets a node that comes back in at once.
- **GoBGP** takes no connection for 5 s after the end of a session. The speaker shows "closed by the
  router in OpenSent" until then.
- **OpenBGPD** needs rules that allow the routes (\`allow from any\`), **FRR** route-maps or
  \`no bgp ebgp-requires-policy\`: without them the session is up and the table empty.
- A link bandwidth that a router shows as a number is there all the same: 1245125376 is 3,000,000 as
  the four octets of an IEEE float. A filter of BIRD's can match it.
- **ExaBGP** is no router: it hands messages to a program of its user. The columns show what that
  program is told. A shutdown text (RFC 9003) makes version 4.2.21 fail on its own side and end the
  session with a Message Header Error, which comes to the same.
`;

/** The text of docs/interop.md. */
export function renderDocument(columns: readonly Column[]): string {
  const notes: string[] = [];
  const cell = (answer: string | undefined): string => {
    if (answer === undefined || answer === "yes") {
      return answer ?? "";
    }
    const known = notes.indexOf(answer);
    return `no (${known === -1 ? notes.push(answer) : known + 1})`;
  };
  const names = rowNames();
  const table = [
    ["", ...columns.map(({ name, version }) => `${name} ${version}`)],
    ["---", ...columns.map(() => "---")],
    ...names.map((row) => [rows[row].title, ...columns.map(({ answers }) => cell(answers[row]))]),
  ].map((cells) => `| ${cells.join(" | ")} |`);
  return [
    introduction,
    table.join("\n"),
    "",
    "## What they answered instead",
    "",
    ...notes.map((note, index) => `${index + 1}. ${note}`),
    "",
    hints,
    "## What is checked",
    "",
    ...names.map((row) => `- **${rows[row].title}**: ${rows[row].check}`),
    "",
  ].join("\n");
}

export function rowNames(): readonly RowName[] {
  const isRow = (name: string): name is RowName => name in rows;
  return Object.keys(rows).filter(isRow);
}
