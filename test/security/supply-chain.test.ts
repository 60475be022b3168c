import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

interface LockedPackage {
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly resolved?: string;
  readonly license?: string;
  readonly hasInstallScript?: boolean;
}

const lock: { readonly packages: Readonly<Record<string, LockedPackage>> } = JSON.parse(
  readFileSync("package-lock.json", "utf8"),
);
const manifest = JSON.parse(readFileSync("package.json", "utf8"));
const packages = Object.entries(lock.packages).filter(([path]) => path !== "");
const nameOf = (path: string): string => path.slice(path.lastIndexOf("node_modules/") + 13);

test("each package that the program is made of is pinned by the SHA-512 of its content", () => {
  const shipped = packages.filter(([, { dev = false }]) => !dev);
  assert.ok(shipped.length > 20);
  for (const [path, { integrity = "" }] of shipped) assert.match(integrity, /^sha512-/, path);
});

test("what has no content pinned is a tool for another platform than ours, which nothing installs", () => {
  const unpinned = packages.filter(([, { integrity }]) => integrity === undefined);
  const others =
    /-(android|darwin|win32|freebsd|openharmony|linux-(riscv64|ppc64|s390x|arm-)|\S+musl)|\/(darwin|win32)-/;
  for (const [path, { dev = false, optional = false }] of unpinned) {
    assert.ok(dev && optional && others.test(path), path);
  }
});

test("all packages come from a registry; none is a tarball or a repository of somebody's", () => {
  for (const [path, { resolved }] of packages) {
    if (resolved !== undefined) assert.match(resolved, /^https:\/\/registry\.npmjs\.org\//, path);
  }
  for (const kind of ["dependencies", "devDependencies"]) {
    for (const [name, version] of Object.entries(manifest[kind])) {
      assert.match(String(version), /^\d+\.\d+\.\d+$/, `${name} is not one version`);
    }
  }
});

test("only three packages may run a script when they are installed", () => {
  const scripted = packages.filter(([, { hasInstallScript = false }]) => hasInstallScript);
  const names = scripted.map(([path]) => nameOf(path));
  assert.deepEqual(
    names.toSorted((a, b) => a.localeCompare(b)),
    ["esbuild", "koffi", "node"],
  );
  assert.deepEqual(
    Object.keys(manifest.allowScripts).toSorted((a, b) => a.localeCompare(b)),
    ["esbuild", "koffi", "node"],
  );
});

test("each package that the program is made of has a licence that lets us ship it", () => {
  const free =
    /^(MIT|MIT-0|ISC|Apache-2\.0|BSD-2-Clause|BSD-3-Clause|0BSD|BlueOak-1\.0\.0|Python-2\.0|PSF-2\.0|Unlicense)$/;
  for (const [path, { license = "" }] of packages.filter(([, { dev = false }]) => !dev)) {
    assert.match(license, free, path);
  }
});
