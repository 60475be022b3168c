import { runIn } from "../../lab/namespaces.ts";

/** One of the counters that the kernel keeps for TCP (`TcpExt`), in `namespace`. */
export async function kernelCounter(namespace: string, name: string): Promise<number> {
  const text = await runIn(namespace, "cat", ["/proc/net/netstat"]);
  const [names = [], values = []] = text
    .split("\n")
    .filter((line) => line.startsWith("TcpExt:"))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf(name)] ?? Number.NaN);
}
