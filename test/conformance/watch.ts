import assert from "node:assert/strict";
import { test } from "node:test";
import { at, type Json, listAt, numberAt, textAt } from "../../lab/kube/json.ts";
import {
  assertFailure,
  create,
  createService,
  get,
  loadBalancer,
  makeNamespace,
  resourceVersion,
  servicesPath,
} from "./objects.ts";
import { ask, mergePatch, type Target, WatchStream } from "./target.ts";

/** What a reflector lives on: lists, watches, and how they end. */
export function watchConformance(target: () => Target): void {
  test("a list has a resourceVersion, and its items have neither kind nor apiVersion", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace);
    const list = await get(target(), servicesPath(namespace));
    assert.equal(textAt(list, "kind"), "ServiceList");
    assert.equal(textAt(list, "apiVersion"), "v1");
    resourceVersion(list);
    assert.deepEqual(
      listAt(list, "items").map((item) => textAt(item, "metadata", "name")),
      ["web"],
    );
    assert.equal(at(listAt(list, "items")[0], "kind"), undefined);
  });

  test("pages of a list are of one moment", async () => {
    const namespace = await makeNamespace(target());
    for (const name of ["a", "b", "c"]) {
      await create(target(), servicesPath(namespace), loadBalancer(name));
    }
    const first = await get(target(), `${servicesPath(namespace)}?limit=2`);
    const token = textAt(first, "metadata", "continue") ?? "";
    assert.equal(numberAt(first, "metadata", "remainingItemCount"), 1);
    await ask(target(), "DELETE", servicesPath(namespace, "c"));
    const query = `limit=2&continue=${encodeURIComponent(token)}`;
    const second = await get(target(), `${servicesPath(namespace)}?${query}`);
    assert.deepEqual(names(second), ["c"]);
    assert.equal(resourceVersion(second), resourceVersion(first));
    assert.equal(at(second, "metadata", "continue"), undefined);
  });

  test("a list from memory, or not older than a version, answers too", async () => {
    const namespace = await makeNamespace(target());
    const made = await createService(target(), namespace);
    const path = servicesPath(namespace);
    const atLeast = await get(target(), `${path}?resourceVersion=${resourceVersion(made)}`);
    assert.deepEqual(names(atLeast), ["web"]);
    assert.equal((await ask(target(), "GET", `${path}?resourceVersion=0`)).status, 200);
  });

  test("a list by field selector holds the one object of that name", async () => {
    const namespace = await makeNamespace(target());
    for (const name of ["a", "b"]) {
      await create(target(), servicesPath(namespace), loadBalancer(name));
    }
    const query = "fieldSelector=metadata.name%3Db";
    assert.deepEqual(names(await get(target(), `${servicesPath(namespace)}?${query}`)), ["b"]);
    const unknown = "fieldSelector=spec.nonsense%3Db";
    const refused = await ask(target(), "GET", `${servicesPath(namespace)}?${unknown}`);
    assertFailure(refused, 400, "BadRequest");
  });

  test("a watch tells of each change since its version, with whole objects", async () => {
    const namespace = await makeNamespace(target());
    const start = resourceVersion(await get(target(), servicesPath(namespace)));
    await createService(target(), namespace);
    const body = { metadata: { labels: { a: "b" } } };
    const path = servicesPath(namespace, "web");
    await ask(target(), "PATCH", path, { body, contentType: mergePatch });
    await ask(target(), "DELETE", path);
    using stream = await WatchStream.open(
      target(),
      `${servicesPath(namespace)}?resourceVersion=${start}`,
    );
    const events = [await stream.next(), await stream.next(), await stream.next()];
    assert.deepEqual(events.map(typeOf), ["ADDED", "MODIFIED", "DELETED"]);
    for (const event of events) {
      assert.equal(textAt(event, "object", "kind"), "Service");
      assert.equal(textAt(event, "object", "apiVersion"), "v1");
    }
    const versions = events.map((event) =>
      Number(textAt(event, "object", "metadata", "resourceVersion")),
    );
    assert.ok(
      versions.every((version, index) => index === 0 || version > (versions[index - 1] ?? 0)),
    );
  });

  test("a watch without a version begins with what there is", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace);
    using stream = await WatchStream.open(target(), servicesPath(namespace));
    assert.equal(typeOf(await stream.next()), "ADDED");
  });

  test("an object that leaves a selector is DELETED for that watch", async () => {
    const namespace = await makeNamespace(target());
    const path = servicesPath(namespace);
    const labels = { watched: "yes" };
    const body = { ...loadBalancer("web"), metadata: { name: "web", labels } };
    const made = await create(target(), path, body);
    const query = `labelSelector=watched%3Dyes&resourceVersion=${resourceVersion(made)}`;
    using stream = await WatchStream.open(target(), `${path}?${query}`);
    for (const watched of ["no", "yes"]) {
      const change = { metadata: { labels: { watched } } };
      await ask(target(), "PATCH", `${path}/web`, { body: change, contentType: mergePatch });
    }
    assert.deepEqual(
      [typeOf(await stream.next()), typeOf(await stream.next())],
      ["DELETED", "ADDED"],
    );
  });

  test("a watch ends after timeoutSeconds, and a bookmark tells before of changes elsewhere", async () => {
    const namespace = await makeNamespace(target());
    const start = resourceVersion(await get(target(), servicesPath(namespace)));
    const query = `resourceVersion=${start}&allowWatchBookmarks=true&timeoutSeconds=3`;
    using stream = await WatchStream.open(target(), `${servicesPath(namespace)}?${query}`);
    await createService(target(), await makeNamespace(target()));
    const bookmarks: Json[] = [];
    for (let event = await stream.next(); event !== undefined; event = await stream.next()) {
      assert.equal(typeOf(event), "BOOKMARK");
      assert.equal(textAt(event, "object", "kind"), "Service");
      bookmarks.push(event);
    }
    const last = textAt(bookmarks.at(-1), "object", "metadata", "resourceVersion");
    assert.ok(Number(last) > Number(start), `${last}`);
  });

  test("a watch of a version that is no longer known ends with 410 in the stream", async () => {
    const namespace = await makeNamespace(target());
    const start = resourceVersion(await get(target(), servicesPath(namespace)));
    await createService(target(), namespace);
    await target().forgetHistory();
    const path = `${servicesPath(namespace)}?resourceVersion=${start}`;
    using stream = await WatchStream.open(target(), path);
    assert.equal(stream.status, 200);
    const event = await stream.next();
    assert.equal(typeOf(event), "ERROR");
    assert.equal(textAt(event, "object", "kind"), "Status");
    assert.equal(numberAt(event, "object", "code"), 410);
    assert.equal(textAt(event, "object", "reason"), "Expired");
    assert.equal(await stream.next(), undefined);
  });

  test("a token that nobody has is Unauthorized", async () => {
    const answer = await ask(target(), "GET", "/api/v1/services", { token: "nobody" });
    assertFailure(answer, 401, "Unauthorized");
  });
}

function typeOf(event: Json | undefined): string | undefined {
  return textAt(event, "type");
}

function names(list: Json): readonly (string | undefined)[] {
  return listAt(list, "items").map((item) => textAt(item, "metadata", "name"));
}
