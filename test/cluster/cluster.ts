import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { buildControlPlane } from "../../lab/cluster/build.ts";
import { RealKube, type RealKubeOptions } from "../../lab/cluster/real-kube.ts";
import { Instance } from "../../lab/instance.ts";
import { Lab, type LabOptions } from "../../lab/lab.ts";
import { logTails } from "../../lab/logs.ts";
import type { Sight } from "../../lab/sights/sight.ts";

export interface ClusterOptions
  extends Pick<RealKubeOptions, "proxyMode" | "syncPeriodSeconds" | "loadBalancer" | "images">,
    Pick<LabOptions, "variant" | "router"> {
  /** Beginning of the id of the instance; the process id follows. */
  readonly id: string;
}

/** The scenario on a real control plane, up and with all BGP sessions established. */
export class Cluster implements AsyncDisposable {
  readonly lab: Lab;
  readonly kube: RealKube;
  readonly #instance: Instance;
  #hasFailed = false;

  private constructor(instance: Instance, lab: Lab, kube: RealKube) {
    this.#instance = instance;
    this.lab = lab;
    this.kube = kube;
  }

  static async start({ id, router, variant, ...options }: ClusterOptions): Promise<Cluster> {
    const binaries = await buildControlPlane();
    const instance = await Instance.open(`${id}${process.pid}`);
    let kube: RealKube | undefined;
    try {
      const lab = await Lab.start({
        instance,
        startKube: async () => {
          kube = await RealKube.start({ instance, binaries, ...options });
          return kube;
        },
        ...(router && { router }),
        ...(variant && { variant }),
        signal: new AbortController().signal,
        progress: () => undefined,
      });
      assert.ok(kube);
      return new Cluster(instance, lab, kube);
    } catch (error) {
      process.stderr.write(await logTails(instance, 40));
      await kube?.close();
      await instance.close();
      throw error;
    }
  }

  /** Looks at one sight of the scenario and reports what was seen. */
  async see(sight: Sight, context: TestContext): Promise<void> {
    await this.look(context, () => sight.see(this.lab, () => undefined));
  }

  /** Reports what `action` saw; if it fails, the ends of all logs are shown when the cluster ends. */
  async look(context: TestContext, action: () => Promise<string>): Promise<void> {
    try {
      context.diagnostic(await action());
    } catch (error) {
      this.#hasFailed = true;
      // At once: the reporter tells of failures at the end, which a run that is cut off never reaches.
      context.diagnostic(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#hasFailed) process.stderr.write(await logTails(this.#instance, 40));
      await this.lab.close();
    } finally {
      await this.#instance.close();
    }
  }
}
