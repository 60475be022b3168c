import { isNotFound } from "../kube/client.ts";
import { projectService } from "../kube/project.ts";
import { resources } from "../kube/resource.ts";
import { type ClusterAccess, type Finding, runQuery } from "./cluster-query.ts";
import { formatFlags, parseFlags, UsageError } from "./flags.ts";
import type { CommandIo } from "./io.ts";
import { queryFlags, readQueryOptions, splitArguments } from "./query-flags.ts";
import { collectAnswers } from "./report/collect.ts";
import { explainService } from "./report/explanation.ts";
import { formatExplanation } from "./report/explanation-text.ts";

export const explainUsage = `usage: routelb explain NAMESPACE/NAME [FLAGS]

Tells of a Service from which pool its address is, or why it has none; then for each node and peer
whether the address is advertised, or at which gate it fails first, and what can be done about it.
The gates, in their order: service, address, node, endpoints, dataplane, drain, advertisement, peer,
session. -o wide shows them all.

Exit code: 0, 1 if there is no such Service or a part of the answer is missing (which, is said), 2 if
it could not run.

flags:
${formatFlags(queryFlags)}
  --help               print this`;

/**
 * Runs `routelb explain ARGS`; `signal` ends a `--watch`.
 *
 * @returns the exit code
 * @throws UsageError if the arguments are not understood
 */
export function runExplain(
  args: readonly string[],
  io: CommandIo,
  signal?: AbortSignal,
): Promise<number> {
  const { flags, words } = splitArguments(args);
  const options = readQueryOptions(parseFlags(queryFlags, flags, io.environment), io);
  const [, serviceNamespace, name] = /^([^/]+)\/([^/]+)$/.exec(words[0] ?? "") ?? [];
  if (serviceNamespace === undefined || name === undefined || words.length > 1) {
    throw new UsageError("give one Service as NAMESPACE/NAME");
  }
  const { namespace } = options;
  return runQuery({
    name: "explain",
    options,
    io,
    ...(signal === undefined ? {} : { signal }),
    ask: (access) => explain(access, namespace, { namespace: serviceNamespace, name }),
  });
}

async function explain(
  access: ClusterAccess,
  namespace: string,
  service: { readonly namespace: string; readonly name: string },
): Promise<Finding> {
  const key = `${service.namespace}/${service.name}`;
  const query = { service: key };
  const [object, answers] = await Promise.all([
    access.api
      .get({ resource: resources.services, ...service })
      .catch((error: unknown) => (isNotFound(error) ? undefined : Promise.reject(error))),
    collectAnswers({ ...access, namespace, query }),
  ]);
  if (object === undefined) {
    const message = `There is no Service ${key}.`;
    return { value: { service: key, message }, text: () => `${message}\n`, exitCode: 1 };
  }
  const explanation = explainService(projectService(object), answers);
  return {
    value: explanation,
    text: (style) => formatExplanation(explanation, style),
    exitCode: explanation.gaps.length === 0 ? 0 : 1,
  };
}
