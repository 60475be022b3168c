import { readFileSync } from "node:fs";
import type { Answers, PodAnswer } from "../../../src/cli/report/collect.ts";
import {
  type ControllerView,
  readControllerState,
} from "../../../src/cli/report/controller-view.ts";
import {
  readSpeakerState,
  type SessionView,
  type SpeakerView,
  type WithheldView,
} from "../../../src/cli/report/speaker-view.ts";

function recorded(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`recorded/${name}.json`, import.meta.url), "utf8"));
}

/**
 * What a speaker said in a cluster with two of them: node1, which has the only endpoint of the
 * `Local` Service default/nginx, or node2.
 */
export function recordedSpeaker(node: "node1" | "node2"): SpeakerView {
  const view = readSpeakerState(recorded(`speaker-${node}`));
  if (view === undefined) {
    throw new Error("the record is no speaker's");
  }
  return view;
}

export function recordedController(): ControllerView {
  const view = readControllerState(recorded("controller-node0"));
  if (view === undefined) {
    throw new Error("the record is no controller's");
  }
  return view;
}

export function answered<View>(node: string, view: View): PodAnswer<View> {
  return { pod: `pod-${node}`, node, outcome: { type: "answered", view } };
}

export function answers(overrides: Partial<Answers> = {}): Answers {
  return {
    speakers: (["node1", "node2"] as const).map((node) => answered(node, recordedSpeaker(node))),
    controllers: [answered("node0", recordedController())],
    nodesWithoutSpeaker: [],
    ...overrides,
  };
}

/** The speaker of node1, with its one session changed. */
export function withSession(overrides: Partial<SessionView>): SpeakerView {
  const view = recordedSpeaker("node1");
  return { ...view, sessions: view.sessions.map((session) => ({ ...session, ...overrides })) };
}

/** The speaker of node1, where it withholds default/nginx. */
export function withReason(withheld: WithheldView): SpeakerView {
  const services = new Map([
    ["default/nginx", { advertised: [], withheld: [withheld], refused: [] }],
  ]);
  return { ...recordedSpeaker("node1"), services };
}
