import { pause, waitFor } from "../../lab/wait.ts";
import type { Claim } from "./claim.ts";
import { cutFromApiServer, failures, followers, noRouteChangesDuring } from "./faults.ts";
import { serviceObject } from "./services.ts";

const services = "/api/v1/namespaces/default/services";

export const serverRestarted: Claim = {
  title: "an API server that restarts after changes has forgotten where our watches were",
  see: (cluster) =>
    noRouteChangesDuring(cluster, "after-restart", async () => {
      const those = await followers(cluster);
      const old = await failures(those, "expired");
      const restore = await cutFromApiServer(cluster, "reset");
      await cluster.lab.api.create(services, serviceObject("unseen", { type: "ClusterIP" }));
      await cluster.lab.api.remove(`${services}/unseen`);
      await cluster.kube.controlPlane.stopApiServer();
      await cluster.kube.controlPlane.startApiServer();
      await restore();
      for (const { name } of those) {
        await waitFor(
          async () => {
            const now = await failures(those, "expired");
            return (now.get(name) ?? 0) > (old.get(name) ?? 0) || undefined;
          },
          { what: `410 for a watch of the ${name}`, timeoutMs: 60_000, intervalMs: 500 },
        );
      }
      return "410 seen by controllers and speakers";
    }),
};

export const tokensRotated: Claim = {
  title: "tokens that are refused are replaced when the kubelet has new ones",
  see: (cluster) =>
    noRouteChangesDuring(cluster, "after-rotation", async () => {
      const { lab } = cluster;
      const those = await followers(cluster);
      const old = await failures(those, "unauthorized");
      // An account that is made anew is another: what the old one signed in with is worth nothing.
      const accounts = ["-n", "routelb-system", "serviceaccount"];
      await lab.kubectl.run("delete", ...accounts, "controller", "speaker");
      for (const name of ["controller", "speaker"]) {
        await lab.kubectl.run("create", ...accounts, name);
      }
      try {
        await waitFor(
          async () => {
            // The server believes for 10 s more what it was shown: who comes back sooner must again.
            const restore = await cutFromApiServer(cluster, "reset");
            await restore();
            await pause(3_000);
            const now = await failures(those, "unauthorized");
            const isRefused = (name: string) => (now.get(name) ?? 0) > (old.get(name) ?? 0);
            return those.every(({ name }) => isRefused(name)) || undefined;
          },
          { what: "401 for controllers and speakers", timeoutMs: 120_000, intervalMs: 2_000 },
        );
      } finally {
        lab.renewTokens();
      }
      return "401 seen by controllers and speakers, then new tokens";
    }),
};

export const connectionsReset: Claim = {
  title: "all connections to the API server are reset, and for 5 s every new one",
  see: (cluster) =>
    noRouteChangesDuring(cluster, "after-reset", async () => {
      const restore = await cutFromApiServer(cluster, "reset");
      await pause(5_000);
      await restore();
      return "cut for 5 s";
    }),
};

export const connectionsForgotten: Claim = {
  title: "the API server forgets all connections, and nobody is told",
  see: (cluster) =>
    noRouteChangesDuring(cluster, "after-silence", async () => {
      const restore = await cutFromApiServer(cluster, "silence");
      await restore();
      return "half-open connections";
    }),
};
