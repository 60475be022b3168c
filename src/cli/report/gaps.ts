import type { Answers } from "./collect.ts";

/** What of the cluster the answers do not cover, a sentence each; empty: they are whole. */
export function gapsOf({ speakers, controllers, nodesWithoutSpeaker }: Answers): readonly string[] {
  const silent = [...speakers, ...controllers].flatMap(({ pod, node, outcome }) =>
    outcome.type === "silent"
      ? [`${pod}${node === "" ? "" : ` on ${node}`} is missing here: ${outcome.why}.`]
      : [],
  );
  return [
    ...silent,
    ...(speakers.length === 0 ? ["There are no speaker Pods in the namespace."] : []),
    ...(controllers.length === 0 ? ["There are no controller Pods in the namespace."] : []),
    ...(nodesWithoutSpeaker === undefined
      ? ["You may not list Nodes: those without a speaker are not shown."]
      : []),
  ];
}
