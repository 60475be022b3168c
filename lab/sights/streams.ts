import type { Lab } from "../lab.ts";
import type { Probe } from "../probe.ts";
import { urlOf, type View } from "../view.ts";
import { allDone } from "../wait.ts";
import { awaitGateways } from "./routes.ts";

/** Requests through one view, each on a new connection, until its probe is told to finish. */
export interface Stream {
  readonly view: View;
  readonly probe: Probe;
}

export async function startStreams(
  lab: Lab,
  views: readonly View[] = lab.views,
): Promise<readonly Stream[]> {
  return allDone(
    views.map(async (view) => {
      const { address, client } = view;
      const url = urlOf(address);
      return { view, probe: await lab.probe({ url, client, concurrency: 4, intervalMs: 20 }) };
    }),
  );
}

/** Waits until each view's route has all its next hops in the router's kernel. */
export async function awaitRoutes(lab: Lab, views: readonly View[] = lab.views): Promise<void> {
  await allDone(
    views.map(({ address, gateways, router }) => awaitGateways(lab, address, gateways, router)),
  );
}
