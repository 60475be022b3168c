import type { Clock } from "../../src/runtime/clock.ts";
import {
  alreadyExists,
  badRequest,
  forbidden,
  invalid,
  invalidValue,
  notFound,
  required,
} from "./api-error.ts";
import { type DeleteOptions, deletionOf, isFinished } from "./deletion.ts";
import { at, type JsonObject, objectAt, sameJson, textAt, textMapAt, withAt } from "./json.ts";
import { withManagedFields } from "./managed-fields.ts";
import { makeUid, metadataErrors, nameErrors, randomSuffix } from "./names.ts";
import { groupVersion, type ResourceType, storedResource } from "./resources.ts";
import { type ObjectStore, objectKey } from "./store.ts";
import type { Strategy } from "./strategy/strategy.ts";
import { formatTime } from "./time.ts";
import {
  checkPreconditions,
  countGeneration,
  hasStatus,
  keepFixedMetadata,
  withoutManaged,
  withoutServerMetadata,
} from "./write-rules.ts";

export interface WriteOptions {
  /** Stands in metadata.managedFields. */
  readonly manager: string;
  /** Answers as if it had written. */
  readonly dryRun?: boolean;
}

/** Which part of an object a write is about; undefined: all but its status. */
export type Part = "status" | "binding" | "finalize" | undefined;

export interface RegistryOptions {
  readonly store: ObjectStore;
  readonly strategies: ReadonlyMap<string, Strategy>;
  readonly clock: Pick<Clock, "wallTime">;
  readonly random: () => number;
}

/** The rules of writing: what the real API server does between HTTP and etcd. */
export class Registry {
  readonly store: ObjectStore;
  readonly #strategies: ReadonlyMap<string, Strategy>;
  readonly #clock: Pick<Clock, "wallTime">;
  readonly #random: () => number;

  constructor(options: RegistryOptions) {
    this.store = options.store;
    this.#strategies = options.strategies;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** @throws ApiError 404 */
  get(type: ResourceType, namespace: string | undefined, name: string): JsonObject {
    const found = this.store.get(type.storage, objectKey(namespace, name));
    if (found === undefined) {
      throw notFound(type, name);
    }
    return found;
  }

  /** @throws ApiError 400, 403, 404 (the namespace), 409 or 422 */
  create(
    type: ResourceType,
    namespace: string | undefined,
    object: JsonObject,
    options: WriteOptions,
  ): JsonObject {
    const given = objectAt(object, "metadata");
    const name = this.#newName(type, given);
    this.#requireNamespace(type, namespace, name);
    if (textAt(given, "resourceVersion")) {
      throw badRequest("resourceVersion should not be set on objects to be created");
    }
    if (this.store.get(type.storage, objectKey(namespace, name)) !== undefined) {
      throw alreadyExists(type, name);
    }
    const metadata = withoutServerMetadata(given);
    const stored = storedResource(type.storage);
    const { status, ...rest } = object;
    const prepared: JsonObject = {
      ...rest,
      apiVersion: groupVersion(stored),
      kind: stored.kind,
      metadata: {
        ...metadata,
        name,
        namespace,
        uid: makeUid(this.#random),
        creationTimestamp: formatTime(this.#clock.wallTime()),
        generation: type.countsGenerations ? 1 : undefined,
      },
      // The Node's status may come with it: kubelets register themselves so.
      ...(!hasStatus(type) || type.storage === "nodes" ? { status } : {}),
    };
    const strategy = this.#strategies.get(type.storage);
    const next = strategy?.complete?.(prepared, undefined) ?? prepared;
    this.#check(type, next, undefined, strategy?.validate?.(next, undefined) ?? []);
    const managed = withManagedFields(next, undefined, this.#writer(options, type, undefined));
    return options.dryRun ? managed : this.store.put(type.storage, managed);
  }

  /**
   * Replaces an object, or one part of it.
   *
   * @throws ApiError 400, 404, 409 or 422
   */
  update(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    object: JsonObject,
    options: WriteOptions,
    part?: Part,
  ): JsonObject {
    const current = this.store.get(type.storage, objectKey(namespace, name));
    const givenName = textAt(object, "metadata", "name");
    if (givenName !== undefined && givenName !== name) {
      throw badRequest(
        `the name of the object (${givenName}) does not match the name on the URL (${name})`,
      );
    }
    const version = textAt(object, "metadata", "resourceVersion") ?? "";
    if (current === undefined) {
      if (type.createsOnUpdate && part === undefined && version === "") {
        return this.create(type, namespace, object, options);
      }
      throw notFound(type, name);
    }
    if (version === "" && type.needsVersionOnUpdate) {
      throw invalid(type, name, [
        invalidValue("metadata.resourceVersion", "", "must be specified for an update"),
      ]);
    }
    return this.replace(type, current, object, options, part);
  }

  /** As `update`, of an object that was just read. */
  replace(
    type: ResourceType,
    current: JsonObject,
    desired: JsonObject,
    options: WriteOptions,
    part?: Part,
  ): JsonObject {
    const name = textAt(current, "metadata", "name") ?? "";
    checkPreconditions(type, current, objectAt(desired, "metadata"));
    const metadata = keepFixedMetadata(objectAt(desired, "metadata"), current);
    const strategy = this.#strategies.get(type.storage);
    const next = this.#mergeParts(type, current, desired, metadata, part);
    const completed =
      part === "status"
        ? (strategy?.completeStatus?.(next, current) ?? next)
        : part === undefined
          ? (strategy?.complete?.(next, current) ?? next)
          : next;
    const errors =
      part === "status"
        ? strategy?.validateStatus?.(completed)
        : part === undefined
          ? strategy?.validate?.(completed, current)
          : [];
    this.#check(type, completed, current, errors ?? []);
    const counted = type.countsGenerations ? countGeneration(completed, current) : completed;
    if (sameJson(withoutManaged(counted), withoutManaged(current))) {
      return current;
    }
    const managed = withManagedFields(counted, current, this.#writer(options, type, part));
    if (options.dryRun) {
      return managed;
    }
    return isFinished(managed)
      ? (this.store.remove(type.storage, objectKey(textAt(metadata, "namespace"), name)) ?? managed)
      : this.store.put(type.storage, managed);
  }

  /**
   * Deletes an object, or begins to: Pods have a grace period, and finalizers hold back the end.
   *
   * @returns the object, and whether it is gone
   * @throws ApiError 404 or 409
   */
  delete(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    options: DeleteOptions & WriteOptions,
  ): { readonly object: JsonObject; readonly isGone: boolean } {
    const current = this.get(type, namespace, name);
    checkPreconditions(type, current, {
      uid: options.uid,
      resourceVersion: options.resourceVersion,
    });
    const ownGrace = this.#strategies.get(type.storage)?.gracePeriodSeconds?.(current) ?? 0;
    const next = deletionOf(current, ownGrace, options, this.#clock.wallTime());
    const isGone = next === "gone";
    if (options.dryRun) {
      return { object: isGone ? current : next, isGone };
    }
    if (isGone) {
      const removed = this.store.remove(type.storage, objectKey(namespace, name));
      return { object: removed ?? current, isGone };
    }
    const object = next === current ? current : this.store.put(type.storage, next);
    return { object, isGone };
  }

  #mergeParts(
    type: ResourceType,
    current: JsonObject,
    desired: JsonObject,
    metadata: JsonObject,
    part: Part,
  ): JsonObject {
    switch (part) {
      case "status":
        return { ...current, metadata, status: desired["status"] };
      case "finalize":
        return withAt(current, ["spec", "finalizers"], at(desired, "spec", "finalizers"));
      case "binding":
        return { ...current, spec: desired["spec"], status: desired["status"] };
      case undefined: {
        const { status, ...rest } = desired;
        return {
          ...rest,
          apiVersion: current["apiVersion"],
          kind: current["kind"],
          metadata,
          ...(hasStatus(type) ? { status: current["status"] } : { status }),
        };
      }
    }
  }

  #newName(type: ResourceType, metadata: JsonObject): string {
    const name = textAt(metadata, "name") ?? "";
    const prefix = textAt(metadata, "generateName") ?? "";
    if (name === "" && prefix === "") {
      throw invalid(type, "", [required("metadata.name", "name or generateName is required")]);
    }
    return name === "" ? prefix + randomSuffix(this.#random) : name;
  }

  #requireNamespace(type: ResourceType, namespace: string | undefined, name: string): void {
    if (!type.namespaced || namespace === undefined) {
      return;
    }
    const home = this.store.get("namespaces", namespace);
    if (home === undefined) {
      throw notFound(storedResource("namespaces"), namespace);
    }
    if (at(home, "metadata", "deletionTimestamp") !== undefined) {
      throw forbidden(
        type,
        name,
        `unable to create new content in namespace ${namespace} because it is being terminated`,
      );
    }
  }

  #check(
    type: ResourceType,
    next: JsonObject,
    current: JsonObject | undefined,
    found: Parameters<typeof invalid>[2],
  ): void {
    const name = textAt(next, "metadata", "name") ?? "";
    const labels = textMapAt(next, "metadata", "labels");
    const annotations = textMapAt(next, "metadata", "annotations");
    const errors = [
      ...(current === undefined ? nameErrors(type.storage, name) : []),
      ...metadataErrors(labels, annotations),
      ...found,
    ];
    if (errors.length > 0) {
      throw invalid(type, name, errors);
    }
  }

  #writer(options: WriteOptions, type: ResourceType, part: Part) {
    return {
      manager: options.manager,
      apiVersion: groupVersion(type),
      time: formatTime(this.#clock.wallTime()),
      ...(part === undefined ? {} : { subresource: part }),
    };
  }
}
