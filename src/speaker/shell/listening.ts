import { once } from "node:events";
import { type Acceptor, BgpListener } from "../../bgp/session/listener.ts";
import { socketErrorCode } from "../../bgp/session/transport.ts";
import type { Address } from "../../net/address.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Loop } from "../../runtime/run.ts";

/** Where connections that routers open are taken (`--listen`). */
export interface ListenAddress {
  /** Absent: all addresses of both families. */
  readonly address?: Address;
  /** 0: one that is free. */
  readonly port: number;
}

type AcceptorFor = (remote: Address) => Acceptor | undefined;

/** Ports below it are for processes with CAP_NET_BIND_SERVICE. */
const firstFreePort = 1024;

/** What takes connections, or nothing where none are to be taken. */
export function listenerLoops(
  listen: ListenAddress | undefined,
  acceptorFor: AcceptorFor,
  logger: Logger,
): readonly Loop[] {
  return listen === undefined
    ? []
    : [{ name: "listener", run: (stop) => takeConnections(listen, acceptorFor, logger, stop) }];
}

/** @throws Error if the port cannot be had, with the likely cure */
async function takeConnections(
  { address, port }: ListenAddress,
  acceptorFor: AcceptorFor,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const where = { ...(address && { address }), port };
  const needsCapability = port > 0 && port < firstFreePort;
  let listener: BgpListener;
  try {
    listener = await BgpListener.start({ ...where, acceptorFor, logger });
  } catch (cause) {
    const isForbidden = cause instanceof Error && socketErrorCode(cause) === "EACCES";
    const cure = isForbidden
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
