import { KubeError } from "./client.ts";
import { numberOf, recordOf, textOf } from "./json.ts";

/**
 * The error that the API server describes in a Status object, as an answer's body or as the last
 * event of a watch.
 *
 * A server that does not have the resource at all says NotFound too, but names no object: such an
 * error has no reason, so that nobody takes the object for gone.
 *
 * @param httpStatus undefined: what the Status says
 * @param body of a proxy that knows no Status: its text becomes the message
 */
export function errorOfStatus(
  context: string,
  httpStatus: number | undefined,
  body: unknown,
  retryAfterHeader?: string,
): KubeError {
  const status = recordOf(body);
  const isStatus = status["kind"] === "Status";
  const details = recordOf(status["details"]);
  const said = (isStatus ? textOf(status["reason"]) : undefined) ?? "";
  const reason = said === "NotFound" && textOf(details["name"]) === undefined ? "" : said;
  const code = httpStatus ?? numberOf(status["code"]) ?? 0;
  const text = (isStatus ? textOf(status["message"]) : textOf(body)?.trim().slice(0, 200)) ?? "";
  const header = retryAfterHeader === undefined ? Number.NaN : Number(retryAfterHeader);
  const retryAfterSeconds = Number.isFinite(header)
    ? header
    : numberOf(details["retryAfterSeconds"]);
  const message = [context, `${code} ${reason}`.trim(), text].filter((part) => part !== "");
  return new KubeError(
    code,
    reason,
    message.join(": "),
    retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
  );
}
