/** The thread beside the event loop: it reads the list by itself, or parses the pages that it gets. */
import { parentPort, workerData } from "node:worker_threads";
import { kubeObjectOf } from "../../../src/kube/watch-lines.ts";
import { connect, readPages, reduced } from "../slices.ts";
import type { Answer, Page, WorkerTask } from "../task.ts";

const { way, kubeconfig }: WorkerTask = workerData;
const tell = (answer: Answer): void => parentPort?.postMessage(answer);

async function takePage(octets: Uint8Array): Promise<void> {
  if (way === "everything") {
    await readPages(connect(kubeconfig), (slices, continueToken) =>
      tell({ slices, continueToken }),
    );
    return;
  }
  const { metadata, items }: Page = JSON.parse(Buffer.from(octets).toString("utf8"));
  const objects = items.map(kubeObjectOf);
  const kept = way === "objects" ? { objects } : { slices: objects.map(reduced) };
  tell({ ...kept, continueToken: metadata.continue });
}

parentPort?.on("message", (octets: Uint8Array) => void takePage(octets));
parentPort?.postMessage("ready");
