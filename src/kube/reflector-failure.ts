import { GarbageError, KubeError } from "./client.ts";
import { SilentError } from "./http-body.ts";

/** Why a resource cannot be followed. */
export type ReflectorFailure =
  | "unreachable"
  | "silent"
  | "garbage"
  | "expired"
  | "projection"
  | "unauthorized"
  | "forbidden"
  | "too-many-requests"
  | "server-error"
  | "other";

export function failureOf(error: unknown): ReflectorFailure {
  if (error instanceof GarbageError) {
    return "garbage";
  }
  if (!(error instanceof KubeError)) {
    return "other";
  }
  switch (error.status) {
    case 0:
      return error.cause instanceof SilentError ? "silent" : "unreachable";
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 410:
      return "expired";
    case 429:
      return "too-many-requests";
    default:
      return error.status >= 500 ? "server-error" : "other";
  }
}

/** The server answers, but no watch can go on from the version that is known. */
export function needsList(failure: ReflectorFailure): boolean {
  return failure === "expired" || failure === "garbage";
}
