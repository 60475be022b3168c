#!/usr/bin/env node
import process from "node:process";

/** As in package.json. */
const [neededMajor, neededMinor] = [24, 15];
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < neededMajor || (major === neededMajor && minor < neededMinor)) {
  const needed = `${neededMajor}.${neededMinor}`;
  process.stderr.write(
    `routelb: needs Node >= ${needed}, and ${process.execPath} is ${process.version}. ` +
      "npm ci puts one into node_modules/.bin\n",
  );
  process.exitCode = 2;
} else {
  // Loaded only here: an older Node may not know what it imports.
  const { runCommandLine } = await import("./command-line.ts");
  process.exitCode = await runCommandLine(process.argv.slice(2), {
    stdin: process.stdin,
    environment: process.env,
    get terminal() {
      const { isTTY, columns, rows } = process.stdout;
      // A terminal may not know its size; it then has that of the first ones.
      return isTTY ? { columns: columns || 80, rows: rows || 24 } : undefined;
    },
    write: (text) => {
      process.stdout.write(text);
    },
    writeError: (text) => {
      process.stderr.write(text);
    },
  });
}
