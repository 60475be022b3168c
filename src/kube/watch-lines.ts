import { GarbageError, type KubeObject, type WatchEvent } from "./client.ts";
import { isRecord, recordOf, textOf } from "./json.ts";
import { errorOfStatus } from "./status.ts";

/** etcd takes no object beyond 1.5 MiB; a line far beyond that is not the API's. */
const lineLimit = 16 * 1024 * 1024;

/**
 * The lines of a stream, without their line feeds. A rest without a line feed is dropped: the
 * stream broke in the midst of an event, and the next watch brings it again.
 *
 * @throws GarbageError on a line that no API server would send
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<string, void, undefined> {
  let rest: Uint8Array[] = [];
  let restLength = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(0x0a, start);
      if (end < 0) {
        break;
      }
      rest.push(chunk.subarray(start, end));
      const line = Buffer.concat(rest).toString("utf8");
      rest = [];
      restLength = 0;
      start = end + 1;
      yield line;
    }
    rest.push(chunk.subarray(start));
    restLength += chunk.length - start;
    if (restLength > lineLimit) {
      throw new GarbageError(`a watch event of more than ${lineLimit} octets`);
    }
  }
}

/**
 * Reads one line of a watch.
 *
 * @throws KubeError what an ERROR event says, 410 above all
 * @throws GarbageError if it is no watch event
 */
export function parseWatchLine(context: string, line: string): WatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch (error) {
    throw new GarbageError(`${context}: a line that is not JSON: ${line.slice(0, 100)}`, {
      cause: error,
    });
  }
  const { type, object } = recordOf(event);
  switch (type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      return { type, object: kubeObjectOf(object) };
    case "BOOKMARK":
      return { type, resourceVersion: versionOf(object) };
    case "ERROR":
      throw errorOfStatus(context, undefined, object);
    default:
      throw new GarbageError(`${context}: a line that is no watch event: ${line.slice(0, 100)}`);
  }
}

/**
 * `value` as an object of the API, once its metadata is seen to be there.
 *
 * @throws GarbageError if it has none
 */
export function kubeObjectOf(value: unknown): KubeObject {
  if (!isRecord(value) || !isRecord(value["metadata"])) {
    throw new GarbageError("an object without metadata");
  }
  const metadata = value["metadata"];
  const name = textOf(metadata["name"]);
  if (name === undefined || name === "") {
    throw new GarbageError("an object without a name");
  }
  return {
    ...value,
    metadata: {
      ...metadata,
      name,
      namespace: textOf(metadata["namespace"]) ?? "",
      uid: textOf(metadata["uid"]) ?? "",
      resourceVersion: textOf(metadata["resourceVersion"]) ?? "",
    },
  };
}

/** @throws GarbageError if a list or bookmark does not say which version it stands at */
export function versionOf(value: unknown): string {
  const version = textOf(recordOf(recordOf(value)["metadata"])["resourceVersion"]);
  if (version === undefined || version === "") {
    throw new GarbageError("a list or bookmark without a resourceVersion");
  }
  return version;
}
