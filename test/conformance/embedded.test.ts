import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { type ApiServer, startApiServer } from "../../lab/kube/server.ts";
import { conformance } from "./suite.ts";
import type { Target } from "./target.ts";

let folder: string;
let server: ApiServer;
let target: Target;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "routelb-conformance-"));
  const tokenFile = join(folder, "tokens");
  await writeFile(tokenFile, "administrator\n");
  server = await startApiServer({ tokenFile, serviceClusterIpRanges: ["10.96.0.0/16"] });
  target = {
    access: { server: server.url, token: "administrator" },
    forgetHistory: async () => server.compact(),
  };
});

after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

conformance(() => target);
