import { once } from "node:events";
import { type Acceptor, BgpListener } from "../../bgp/session/listener.ts";
import type { Address } from "../../net/address.ts";
import type { Logger } from "../../runtime/logger.ts";

/** Where connections that routers open are taken (`--listen`). */
export interface ListenAddress {
  /** Absent: all addresses of both families. */
  readonly address?: Address;
  /** 0: one that is free. */
  readonly port: number;
}

export interface ListeningOptions extends ListenAddress {
  readonly acceptorFor: (remote: Address) => Acceptor | undefined;
  readonly logger: Logger;
}

/** Ports below it are for processes with CAP_NET_BIND_SERVICE. */
const firstFreePort = 1024;

/**
 * Takes connections until `signal` aborts.
 *
 * @throws Error if the port cannot be had, with the likely cure
 */
export async function listenForPeers(
  { address, port, acceptorFor, logger }: ListeningOptions,
  signal: AbortSignal,
): Promise<void> {
  const where = { ...(address && { address }), port };
  const needsCapability = port > 0 && port < firstFreePort;
  let listener: BgpListener;
  try {
    listener = await BgpListener.start({ ...where, acceptorFor, logger });
  } catch (cause) {
    const cure = needsCapability
      ? "; a port below 1024 needs the capability NET_BIND_SERVICE, or take another one"
      : "";
    throw new Error(`--listen: port ${port} cannot be had${cure}`, { cause });
  }
  logger.info(
    { address: address?.text, port: listener.port, needsCapability },
    "BGP connections of routers are taken",
  );
  if (!signal.aborted) {
    await once(signal, "abort");
  }
  listener.close();
}
