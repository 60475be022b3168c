import { isLoadBalancer, type Service } from "../../cluster/service.ts";
import { withheldFor } from "../../speaker/withheld.ts";
import { type Answers, compareNodes } from "./collect.ts";
import { gapsOf } from "./gaps.ts";
import { type Obstacle, obstacleOf, type Row, withheldRow } from "./row.ts";
import { explainSpeaker } from "./speaker-rows.ts";

/** Where a Service is advertised, and what keeps it from where it is not. */
export interface Explanation {
  /** `namespace/name`. */
  readonly service: string;
  readonly type: string;
  readonly externalTrafficPolicy: string;
  readonly addresses: readonly AddressExplanation[];
  /** Why it has no address; absent: it has one. */
  readonly obstacle?: Obstacle;
  /** What the Service asks for and did not get, a sentence each. */
  readonly notGranted: readonly string[];
  /** What could not be found out, a sentence each; empty: the explanation is whole. */
  readonly gaps: readonly string[];
}

export interface AddressExplanation {
  readonly address: string;
  /** As the Service's annotation says; absent: none of ours gave it. */
  readonly pool?: string;
  readonly rows: readonly Row[];
}

/** Written with the address by the controller. */
const poolAnnotation = "routelb.io/ip-allocated-from-pool";

/** Puts together what the API server holds of a Service and what our Pods say about it. */
export function explainService(service: Service, answers: Answers): Explanation {
  const { key, type, externalTrafficPolicy, annotations, ingress } = service;
  const addresses = new Set(ingress.flatMap(({ ip = "" }) => (ip === "" ? [] : [ip])));
  const pool = annotations[poolAnnotation];
  const hasNone = addresses.size === 0 || !isLoadBalancer(service);
  return {
    service: key,
    type,
    externalTrafficPolicy,
    addresses: [...addresses].map((address) => ({
      address,
      ...(pool === undefined ? {} : { pool }),
      rows: rowsOf(key, address, answers),
    })),
    ...(hasNone ? { obstacle: whyNoAddress(service, answers) } : {}),
    notGranted: notGranted(key, answers),
    gaps: gapsOf(answers),
  };
}

const noSpeaker: Obstacle = {
  gate: "node",
  reason: "no-speaker",
  text: "No speaker runs on the node.",
  cure: "As it should be where nodeSelector and tolerations of the DaemonSet leave the node out.",
};

function rowsOf(key: string, address: string, answers: Answers): readonly Row[] {
  const { speakers, nodesWithoutSpeaker = [] } = answers;
  return [
    ...speakers.flatMap((speaker) => explainSpeaker(speaker, key, address)),
    ...nodesWithoutSpeaker.map((node) => withheldRow(node, undefined, noSpeaker)),
  ].toSorted((a, b) => compareNodes(a.node, b.node));
}

/** In the words of the controller, if it has some; a Service that is not ours is none of its. */
function whyNoAddress(service: Service, { controllers, speakers }: Answers): Obstacle {
  if (!isLoadBalancer(service)) {
    return obstacleOf(withheldFor.notLoadBalancer);
  }
  const [told] = controllers.flatMap(({ outcome }) =>
    outcome.type === "answered"
      ? outcome.view.withoutAddress.filter((entry) => entry.service === service.key)
      : [],
  );
  const plain = obstacleOf(withheldFor.noAddress);
  if (told !== undefined) {
    return { ...plain, reason: told.reason, text: told.message };
  }
  const [seen] = speakers.flatMap(({ outcome }) =>
    outcome.type === "answered"
      ? (outcome.view.services.get(service.key)?.withheld ?? []).filter(({ address }) => !address)
      : [],
  );
  return seen === undefined ? plain : obstacleOf(seen);
}

function notGranted(key: string, { speakers, controllers }: Answers): readonly string[] {
  const unmet = controllers.flatMap(({ outcome }) =>
    outcome.type === "answered" ? outcome.view.unmet.filter(({ service }) => service === key) : [],
  );
  const refused = speakers.flatMap(({ outcome }) =>
    outcome.type === "answered" ? (outcome.view.services.get(key)?.refused ?? []) : [],
  );
  return [...new Set([...unmet.map(({ message }) => message), ...refused])];
}
