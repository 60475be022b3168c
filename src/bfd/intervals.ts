import type { BfdMachine } from "./machine.ts";

/** The intervals that follow from a machine's variables (RFC 5880 §6.8.3, §6.8.4, §6.8.7). */

/** §6.8.3: until a session is Up, at most one packet a second. */
export const slowTransmitUs = 1_000_000;

/** The time without a packet after which the session goes Down (§6.8.4); 0 before the first packet. */
export function detectionTimeUs(machine: BfdMachine): number {
  return (
    machine.remoteDetectMultiplier *
    Math.max(machine.confirmed.receiveUs, machine.remoteDesiredMinTxIntervalUs)
  );
}

/** §6.8.7: undefined where periodic packets must not be sent. */
export function transmitIntervalUs(machine: BfdMachine): number | undefined {
  const silent =
    machine.remoteMinRxIntervalUs === 0 ||
    (machine.parameters.passive && machine.remoteDiscriminator === 0) ||
    (machine.remoteDemandMode && isUpOnBothSides(machine) && !machine.polling);
  return silent ? undefined : Math.max(machine.confirmed.transmitUs, machine.remoteMinRxIntervalUs);
}

/**
 * The wait before the next periodic packet: the interval less 0 to 25 %, and with a Detect Mult of 1
 * less 10 to 25 %, so that packets of several systems do not fall into step (§6.8.7).
 */
export function jitteredUs(intervalUs: number, detectMultiplier: number, random: number): number {
  const most = detectMultiplier === 1 ? 0.9 : 1;
  return Math.floor(intervalUs * (0.75 + (most - 0.75) * random));
}

function isUpOnBothSides(machine: BfdMachine): boolean {
  return machine.sessionState === "Up" && machine.remoteSessionState === "Up";
}

/** What we ask for: a session that is not Up speaks slowly (§6.8.3). */
export function desiredMinTxUs(machine: BfdMachine): number {
  const configured = machine.parameters.transmitIntervalUs;
  return machine.sessionState === "Up" ? configured : Math.max(slowTransmitUs, configured);
}
