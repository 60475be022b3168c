/** What one probe says; `none`: nothing that speaks for or against the data plane. */
export type ProbeAnswer = "good" | "bad" | "none";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** How often in a row an answer must come before it counts. */
export interface HealthThresholds {
  readonly rise: number;
  readonly fall: number;
}

/** What is known of one thing that is probed. */
export interface Health {
  /** `unknown` stands in nobody's way: there may be no kube-proxy here at all. */
  readonly verdict: "unknown" | "healthy" | "unhealthy";
  /** Answers in a row, up to the last one. */
  readonly good: number;
  readonly bad: number;
}

export const unknownHealth: Health = { verdict: "unknown", good: 0, bad: 0 };

/**
 * Takes one more answer in. What is `none` changes nothing: rules stay in the kernel while kube-proxy
 * restarts, and a speaker that gets no CPU time shall not withdraw what it cannot ask about.
 */
export function takeAnswer(
  health: Health,
  answer: ProbeAnswer,
  { rise, fall }: HealthThresholds,
): Health {
  switch (answer) {
    case "none":
      return health;
    case "good": {
      const good = health.good + 1;
      return { verdict: good >= rise ? "healthy" : health.verdict, good, bad: 0 };
    }
    case "bad": {
      const bad = health.bad + 1;
      return { verdict: bad >= fall ? "unhealthy" : health.verdict, good: 0, bad };
    }
  }
}

/**
 * Judges what kube-proxy's own health port answers. Anybody else's answer, told by the want of
 * `lastUpdated` in it, counts for nothing.
 */
export function judgeProxyAnswer(answer: HttpAnswer | undefined): ProbeAnswer {
  return answer !== undefined && "lastUpdated" in fieldsOf(answer.body)
    ? judgeStatus(answer.status)
    : "none";
}

/** Judges what a Service's healthCheckNodePort answers; it must name the Service. */
export function judgeServiceAnswer(
  answer: HttpAnswer | undefined,
  serviceKey: string,
): ProbeAnswer {
  if (answer === undefined) {
    return "none";
  }
  return namesService(fieldsOf(answer.body), serviceKey) ? judgeStatus(answer.status) : "none";
}

/**
 * Whether kube-proxy says at a Service's healthCheckNodePort that it has rules for no endpoint here. The
 * status does not tell: it is 503 also where another of its families is late.
 */
export function saysNoEndpoint(answer: HttpAnswer | undefined, serviceKey: string): boolean {
  const fields = fieldsOf(answer?.body ?? "");
  return namesService(fields, serviceKey) && fields["localEndpoints"] === 0;
}

function namesService(fields: Fields, serviceKey: string): boolean {
  const { namespace, name } = asFields(fields["service"]);
  return `${String(namespace)}/${String(name)}` === serviceKey;
}

function judgeStatus(status: number): ProbeAnswer {
  if (status >= 200 && status < 300) {
    return "good";
  }
  return status === 503 ? "bad" : "none";
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(body: string): Fields {
  try {
    return asFields(JSON.parse(body));
  } catch {
    return {};
  }
}

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
