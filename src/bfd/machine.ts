import {
  desiredMinTxUs,
  detectionTimeUs,
  slowTransmitUs,
  transmitIntervalUs,
} from "./intervals.ts";
import { BfdDiagnostic, type BfdPacket, type BfdState } from "./packet.ts";

/**
 * One BFD session in asynchronous mode, without demand mode, echo or authentication, as a pure
 * function (RFC 5880 §6.8). The caller performs the actions in their order.
 */

/** What the operator set (`bfd-profiles`); intervals are microseconds. */
export interface BfdParameters {
  readonly transmitIntervalUs: number;
  readonly receiveIntervalUs: number;
  readonly detectMultiplier: number;
  /** Speak only after the peer has spoken (§6.1). */
  readonly passive: boolean;
}

/** The state variables of §6.8.1, named as there. */
export interface BfdMachine {
  readonly parameters: BfdParameters;
  readonly sessionState: BfdState;
  readonly remoteSessionState: BfdState;
  readonly localDiscriminator: number;
  /** 0: not known. */
  readonly remoteDiscriminator: number;
  readonly localDiagnostic: number;
  readonly remoteDiagnostic: number;
  readonly remoteMinRxIntervalUs: number;
  readonly remoteDesiredMinTxIntervalUs: number;
  readonly remoteDetectMultiplier: number;
  readonly remoteDemandMode: boolean;
  /** A Poll Sequence is under way: P is set until a packet with F comes (§6.5). */
  readonly polling: boolean;
  /** What the peer has confirmed; a change waits for the end of a Poll Sequence (§6.8.3). */
  readonly confirmed: { readonly transmitUs: number; readonly receiveUs: number };
}

export type BfdEvent =
  | { readonly type: "start" }
  | { readonly type: "packet"; readonly packet: BfdPacket }
  | { readonly type: "detection-time-expired" }
  /** `bfd-profiles` changed. */
  | { readonly type: "parameters"; readonly parameters: BfdParameters }
  | { readonly type: "admin-down" };

export type BfdAction =
  /** Send this packet now: it answers a Poll, outside the periodic transmission (§6.8.7). */
  | { readonly type: "send"; readonly packet: BfdPacket }
  /** Periodic packets: the next within this interval less jitter, also if one was due later. */
  | { readonly type: "transmit-every"; readonly intervalUs: number }
  | { readonly type: "stop-transmitting" }
  /** Restart the detection timer. */
  | { readonly type: "detect-within"; readonly intervalUs: number }
  | { readonly type: "stop-detecting" }
  | {
      readonly type: "state-changed";
      readonly from: BfdState;
      readonly to: BfdState;
      readonly diagnostic: number;
      readonly remoteState: BfdState;
      readonly remoteDiagnostic: number;
    };

export interface BfdStep {
  readonly machine: BfdMachine;
  readonly actions: readonly BfdAction[];
}

/** A session that is Down and silent until its `start`; `discriminator` is unique and not 0. */
export function createBfdMachine(parameters: BfdParameters, discriminator: number): BfdMachine {
  return {
    parameters,
    sessionState: "Down",
    remoteSessionState: "Down",
    localDiscriminator: discriminator,
    remoteDiscriminator: 0,
    localDiagnostic: BfdDiagnostic.None,
    remoteDiagnostic: BfdDiagnostic.None,
    remoteMinRxIntervalUs: 1,
    remoteDesiredMinTxIntervalUs: 0,
    remoteDetectMultiplier: 0,
    remoteDemandMode: false,
    polling: false,
    confirmed: {
      transmitUs: Math.max(slowTransmitUs, parameters.transmitIntervalUs),
      receiveUs: parameters.receiveIntervalUs,
    },
  };
}

export function stepBfd(machine: BfdMachine, event: BfdEvent): BfdStep {
  switch (event.type) {
    case "start":
      return settle(machine, machine, []);
    case "packet":
      return receive(machine, event.packet);
    case "detection-time-expired":
      return detectionTimeExpired(machine);
    case "parameters":
      return changeParameters(machine, event.parameters);
    case "admin-down":
      return settle(
        machine,
        { ...enter(machine, "AdminDown", BfdDiagnostic.AdministrativelyDown), polling: false },
        [{ type: "stop-detecting" }],
      );
  }
}

/** The packet that stands for this machine now (§6.8.7). */
export function currentPacket(machine: BfdMachine, final = false): BfdPacket {
  return {
    diagnostic: machine.localDiagnostic,
    state: machine.sessionState,
    // §6.5: a packet never carries both P and F.
    poll: machine.polling && !final,
    final,
    // We share fate with the speaker, whose worker thread we are (RFC 5882 §4.3).
    controlPlaneIndependent: false,
    authenticationPresent: false,
    demand: false,
    multipoint: false,
    detectMultiplier: machine.parameters.detectMultiplier,
    myDiscriminator: machine.localDiscriminator,
    yourDiscriminator: machine.remoteDiscriminator,
    desiredMinTxIntervalUs: desiredMinTxUs(machine),
    requiredMinRxIntervalUs: machine.parameters.receiveIntervalUs,
    // 0: we answer no echo packets (§4.1).
    requiredMinEchoRxIntervalUs: 0,
  };
}

/** §6.8.6, after the checks that need no session. */
function receive(machine: BfdMachine, packet: BfdPacket): BfdStep {
  let next: BfdMachine = {
    ...machine,
    remoteDiscriminator: packet.myDiscriminator,
    remoteSessionState: packet.state,
    remoteDiagnostic: packet.diagnostic,
    remoteDemandMode: packet.demand,
    remoteMinRxIntervalUs: packet.requiredMinRxIntervalUs,
    remoteDesiredMinTxIntervalUs: packet.desiredMinTxIntervalUs,
    remoteDetectMultiplier: packet.detectMultiplier,
  };
  if (next.polling && packet.final) {
    next = confirm({ ...next, polling: false });
  }
  if (next.sessionState === "AdminDown") {
    return { machine, actions: [] };
  }
  next = followRemoteState(next, packet.state);
  const actions: BfdAction[] = [{ type: "detect-within", intervalUs: 0 }];
  const step = settle(machine, next, actions);
  // §6.8.7: the answer to a Poll does not wait for the periodic transmission.
  return packet.poll
    ? {
        ...step,
        actions: [{ type: "send", packet: currentPacket(step.machine, true) }, ...step.actions],
      }
    : step;
}

/** The state machine of §6.2 and the end of §6.8.6. */
function followRemoteState(machine: BfdMachine, remote: BfdState): BfdMachine {
  if (remote === "AdminDown") {
    return machine.sessionState === "Down"
      ? machine
      : enter(machine, "Down", BfdDiagnostic.NeighborSignaledSessionDown);
  }
  switch (machine.sessionState) {
    case "AdminDown":
      return machine;
    case "Down":
      if (remote === "Down") {
        return enter(machine, "Init", machine.localDiagnostic);
      }
      return remote === "Init" ? enter(machine, "Up", BfdDiagnostic.None) : machine;
    case "Init":
      return remote === "Init" || remote === "Up"
        ? enter(machine, "Up", BfdDiagnostic.None)
        : machine;
    case "Up":
      return remote === "Down"
        ? enter(machine, "Down", BfdDiagnostic.NeighborSignaledSessionDown)
        : machine;
  }
}

function enter(machine: BfdMachine, state: BfdState, diagnostic: number): BfdMachine {
  return { ...machine, sessionState: state, localDiagnostic: diagnostic };
}

/** §6.8.4: the session goes Down, and the peer is forgotten (bfd.RemoteDiscr becomes 0). */
function detectionTimeExpired(machine: BfdMachine): BfdStep {
  const forgotten: BfdMachine = { ...machine, remoteDiscriminator: 0, remoteMinRxIntervalUs: 1 };
  const next =
    machine.sessionState === "Init" || machine.sessionState === "Up"
      ? enter(forgotten, "Down", BfdDiagnostic.ControlDetectionTimeExpired)
      : forgotten;
  return settle(machine, next, [{ type: "stop-detecting" }]);
}

/** §6.8.3: a change while Up is told by a Poll Sequence. */
function changeParameters(machine: BfdMachine, parameters: BfdParameters): BfdStep {
  return settle(machine, { ...machine, parameters }, []);
}

/** After F, or while not Up, what we ask for is what holds. */
function confirm(machine: BfdMachine): BfdMachine {
  return {
    ...machine,
    confirmed: {
      transmitUs: desiredMinTxUs(machine),
      receiveUs: machine.parameters.receiveIntervalUs,
    },
  };
}

/**
 * Starts a Poll Sequence where an interval changed while Up, and derives the actions from the
 * difference of the two machines.
 *
 * A shorter transmit interval and a longer receive interval hold at once; the other two wait for the
 * peer's F, so that neither side judges by what the other has not heard yet (§6.8.3).
 */
function settle(before: BfdMachine, changed: BfdMachine, wanted: readonly BfdAction[]): BfdStep {
  let machine = changed;
  if (machine.sessionState !== "Up") {
    machine = confirm({ ...machine, polling: false });
  } else {
    const asked = {
      transmitUs: desiredMinTxUs(machine),
      receiveUs: machine.parameters.receiveIntervalUs,
    };
    const { transmitUs, receiveUs } = machine.confirmed;
    const differs = asked.transmitUs !== transmitUs || asked.receiveUs !== receiveUs;
    const parametersChanged = before.parameters !== machine.parameters;
    if (differs || (parametersChanged && before.polling)) {
      machine = {
        ...machine,
        polling: true,
        confirmed: {
          transmitUs: Math.min(asked.transmitUs, transmitUs),
          receiveUs: Math.max(asked.receiveUs, receiveUs),
        },
      };
    }
  }
  return {
    machine,
    actions: [
      ...stateChange(before, machine),
      ...timers(before === changed ? undefined : before, machine, wanted),
    ],
  };
}

function stateChange(before: BfdMachine, machine: BfdMachine): BfdAction[] {
  if (before.sessionState === machine.sessionState) {
    return [];
  }
  return [
    {
      type: "state-changed",
      from: before.sessionState,
      to: machine.sessionState,
      diagnostic: machine.localDiagnostic,
      remoteState: machine.remoteSessionState,
      remoteDiagnostic: machine.remoteDiagnostic,
    },
  ];
}

/** `before` is absent at the start, when nothing runs yet. */
function timers(
  before: BfdMachine | undefined,
  machine: BfdMachine,
  wanted: readonly BfdAction[],
): BfdAction[] {
  const intervalUs = transmitIntervalUs(machine);
  const changed =
    before === undefined ||
    intervalUs !== transmitIntervalUs(before) ||
    before.sessionState !== machine.sessionState;
  const transmit: BfdAction[] = !changed
    ? []
    : intervalUs === undefined
      ? [{ type: "stop-transmitting" }]
      : [{ type: "transmit-every", intervalUs }];
  const detect = wanted.map(
    (action): BfdAction =>
      action.type === "detect-within"
        ? { type: "detect-within", intervalUs: detectionTimeUs(machine) }
        : action,
  );
  return [...transmit, ...detect];
}
