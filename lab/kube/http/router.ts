import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../../src/runtime/clock.ts";
import { methodNotAllowed, noSuchPath } from "../api-error.ts";
import type { FaultOutcome, Watches } from "../faults.ts";
import type { JsonObject } from "../json.ts";
import type { Registry } from "../registry.ts";
import { scaleOf } from "../scale.ts";
import { sendObject, sendText } from "./answer.ts";
import { handleDelete, handleDeleteCollection } from "./delete.ts";
import { answerDiscovery } from "./discovery.ts";
import { listPage, requireObject } from "./list.ts";
import { podName, proxyToPod } from "./proxy.ts";
import { listText, negotiate, objectText } from "./representation.ts";
import type { ApiRequest, Target } from "./request.ts";
import { type WatchSettings, WatchStream } from "./watch.ts";
import { handleCreate, handlePatch, handleUpdate } from "./write.ts";
import type { Written } from "./written.ts";

export interface RouterContext {
  readonly registry: Registry;
  readonly watches: Watches;
  readonly clock: Clock;
  readonly watchSettings: WatchSettings;
}

/** One request and where its answer goes. */
export interface Exchange {
  readonly request: ApiRequest;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly fault: FaultOutcome;
}

/**
 * Answers one request.
 *
 * @throws ApiError for the caller to send
 */
export async function answerRequest(context: RouterContext, exchange: Exchange): Promise<void> {
  const { request, incoming, response } = exchange;
  const { target } = request;
  if (target === undefined) {
    if (!answerDiscovery(request, incoming, response)) {
      throw noSuchPath();
    }
    return;
  }
  const { registry } = context;
  const isAcross = target.type.namespaced && target.namespace === undefined;
  if (isAcross && request.verb !== "list" && request.verb !== "watch") {
    throw methodNotAllowed();
  }
  switch (request.verb) {
    case "list":
      answerList(context, exchange, target);
      return;
    case "watch":
      startWatch(context, exchange, target);
      return;
    case "get":
      answerGet(context, exchange, target);
      return;
    case "create":
      sendWritten(
        context,
        exchange,
        target,
        await handleCreate(registry, request, target, incoming),
      );
      return;
    case "update":
      sendWritten(
        context,
        exchange,
        target,
        await handleUpdate(registry, request, target, incoming),
      );
      return;
    case "patch":
      sendWritten(
        context,
        exchange,
        target,
        await handlePatch(registry, request, target, incoming),
      );
      return;
    case "delete":
      sendWritten(
        context,
        exchange,
        target,
        await handleDelete(registry, request, target, incoming),
      );
      return;
    case "deletecollection": {
      const deleted = await handleDeleteCollection(registry, request, target, incoming);
      const metadata = { resourceVersion: String(registry.store.version) };
      sendList(context, exchange, target, deleted, metadata);
      return;
    }
    case "proxy": {
      const pod = requireObject(registry.store, { ...target, name: podName(target.name ?? "") });
      await proxyToPod(pod, request, target, incoming, response);
      return;
    }
    case "other":
      throw methodNotAllowed();
  }
}

function answerList(context: RouterContext, exchange: Exchange, target: Target): void {
  const page = listPage(context.registry.store, exchange.request, target);
  const objects = exchange.fault === "empty-list" ? [] : page.objects;
  sendList(context, exchange, target, objects, page.metadata);
}

function sendList(
  context: RouterContext,
  { request, incoming, response }: Exchange,
  { type }: Target,
  objects: readonly JsonObject[],
  metadata: JsonObject,
): void {
  const representation = negotiate(incoming.headers.accept, request.query);
  const nowMs = context.clock.wallTime();
  sendText(response, 200, listText(type, objects, representation, nowMs, metadata));
}

function answerGet(context: RouterContext, exchange: Exchange, target: Target): void {
  const object = requireObject(context.registry.store, target);
  const { subresource } = target;
  const isKnown = target.type.subresources.some(({ name }) => name === subresource);
  if (subresource === "scale" && isKnown) {
    sendObject(exchange.response, 200, scaleOf(object));
    return;
  }
  if (subresource !== undefined && !(subresource === "status" && isKnown)) {
    throw noSuchPath();
  }
  sendWritten(context, exchange, target, { code: 200, object });
}

function sendWritten(
  context: RouterContext,
  { request, incoming, response }: Exchange,
  { type }: Target,
  { code, object, isOther = false, warnings = [] }: Written,
): void {
  if (warnings.length > 0) {
    const values = warnings.map((text) => `299 - ${JSON.stringify(text)}`);
    response.setHeader("warning", values);
  }
  if (isOther) {
    sendObject(response, code, object);
    return;
  }
  const representation = negotiate(incoming.headers.accept, request.query);
  sendText(response, code, objectText(type, object, representation, context.clock.wallTime()));
}

function startWatch(
  context: RouterContext,
  { request, incoming, response }: Exchange,
  target: Target,
): void {
  const stream = new WatchStream(
    request,
    target,
    response,
    negotiate(incoming.headers.accept, request.query),
    context.registry.store,
    context.watchSettings,
  );
  context.watches.add(stream);
  try {
    stream.start(() => context.watches.delete(stream));
  } catch (error) {
    context.watches.delete(stream);
    throw error;
  }
}
