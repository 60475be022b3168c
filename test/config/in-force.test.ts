import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import {
  type InForceConfigMap,
  type InForceContent,
  type InForceJudgement,
  type InForceMemory,
  judgeInForce,
  type UserConfigMap,
} from "../../src/config/in-force.ts";

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function pool(name: string): string {
  return `address-pools:\n- {name: ${name}, protocol: bgp, addresses: [10.0.0.0/24]}\n`;
}

const textA = pool("a");
const textB = pool("b");
const textC = pool("c");
const broken = "address-pols: []\n";
const keyless = { state: "present" } as const;
const unread = { state: "unread" } as const;
const absent = { state: "absent" } as const;

function user(text: string): UserConfigMap {
  return { state: "present", text };
}

function content(config: string, previous = ""): InForceContent {
  return { config, previous, sourceSha256: sha256(config) };
}

function inForce(config: string, previous = ""): InForceConfigMap {
  return { state: "present", content: content(config, previous) };
}

interface Options {
  readonly memory?: InForceMemory;
  readonly leads?: boolean;
  readonly refuses?: string;
}

function judge(
  userMap: UserConfigMap,
  object: InForceConfigMap,
  { memory = {}, leads = false, refuses = "" }: Options = {},
): InForceJudgement {
  const inputs = { user: userMap, inForce: object, sha256 };
  const judgement = judgeInForce({ ...inputs, memory, ...(leads ? { leader: {} } : {}) });
  const { candidate, memory: asked } = judgement;
  if (candidate === undefined) {
    return judgement;
  }
  const verdict = { candidate, ...(refuses === "" ? {} : { refusal: refuses }) };
  return judgeInForce({ ...inputs, memory: asked, leader: { verdict } });
}

/** The memory of a process that acts on `text`, as one that follows or one that leads. */
function holding(text: string, options: Options = {}): InForceMemory {
  return judge(user(text), inForce(text), options).memory;
}

interface Row {
  readonly name: string;
  readonly user: UserConfigMap;
  readonly object: InForceConfigMap;
  readonly options?: Options;
  readonly acting: string | undefined;
  readonly reason: InForceJudgement["reason"];
  readonly isStale: boolean;
  readonly write?: InForceContent;
}

const edited = { state: "present", content: { ...content(textA, textB), config: textC } } as const;

const rows: readonly Row[] = [
  {
    name: "nothing read yet: wait",
    user: unread,
    object: unread,
    acting: undefined,
    reason: "not-read-yet",
    isStale: false,
  },
  {
    name: "a user's text without word of the accepted one (403, timeout): wait",
    user: user(textA),
    object: unread,
    acting: undefined,
    reason: "not-read-yet",
    isStale: false,
  },
  {
    name: "a leader writes nothing while the accepted one is unread",
    user: user(textA),
    object: unread,
    options: { leads: true },
    acting: undefined,
    reason: "not-read-yet",
    isStale: false,
  },
  {
    name: "neither of the two exists: wait",
    user: absent,
    object: absent,
    acting: undefined,
    reason: "no-configuration",
    isStale: false,
  },
  {
    name: "NotFound and nothing held: a follower judges the user's text by itself",
    user: user(textA),
    object: absent,
    acting: textA,
    reason: "in-force",
    isStale: false,
  },
  {
    name: "NotFound and a broken text: nothing to act on",
    user: user(broken),
    object: absent,
    acting: undefined,
    reason: "text-invalid",
    isStale: true,
  },
  {
    name: "NotFound, but something held: a follower goes on with it",
    user: user(textB),
    object: absent,
    options: { memory: holding(textA) },
    acting: textA,
    reason: "text-not-accepted-yet",
    isStale: true,
  },
  {
    name: "a leader writes the first text before it acts on it",
    user: user(textA),
    object: absent,
    options: { leads: true },
    acting: undefined,
    reason: "text-not-accepted-yet",
    isStale: true,
    write: content(textA),
  },
  {
    name: "a follower acts on the accepted text, not on a newer one of the user",
    user: user(textB),
    object: inForce(textA),
    acting: textA,
    reason: "text-not-accepted-yet",
    isStale: true,
  },
  {
    name: "a follower acts on the accepted text when the user's is broken",
    user: user(broken),
    object: inForce(textA),
    acting: textA,
    reason: "text-invalid",
    isStale: true,
  },
  {
    name: "a follower acts on the accepted text when the user's ConfigMap is gone",
    user: absent,
    object: inForce(textA),
    acting: textA,
    reason: "config-map-absent",
    isStale: true,
  },
  {
    name: "a follower acts on the accepted text while the user's is unread",
    user: unread,
    object: inForce(textA),
    acting: textA,
    reason: "not-read-yet",
    isStale: false,
  },
  {
    name: "a leader asks for a newer text to be written, and acts on the old one until then",
    user: user(textB),
    object: inForce(textA),
    options: { leads: true },
    acting: textA,
    reason: "text-not-accepted-yet",
    isStale: true,
    write: content(textB, textA),
  },
  {
    name: "a leader does not write what it refuses, and says why",
    user: user(textB),
    object: inForce(textA),
    options: { leads: true, refuses: "Service default/web would lose 10.0.0.1." },
    acting: textA,
    reason: "text-refused",
    isStale: true,
  },
  {
    name: "a leader does not refuse what is in force already",
    user: user(textA),
    object: inForce(textA),
    options: { leads: true, refuses: "never asked" },
    acting: textA,
    reason: "in-force",
    isStale: false,
  },
  {
    name: "a leader restores the deleted object",
    user: user(broken),
    object: absent,
    options: { leads: true, memory: holding(textA, { leads: true }) },
    acting: textA,
    reason: "text-invalid",
    isStale: true,
    write: content(textA),
  },
  {
    name: "a leader restores the edited object",
    user: user(textA),
    object: { state: "present", content: content(textC) },
    options: { leads: true, memory: holding(textA, { leads: true }) },
    acting: textA,
    reason: "in-force",
    isStale: false,
    write: content(textA),
  },
  {
    name: "a new leader that followed restores an object edited while nobody led",
    user: user(textA),
    object: edited,
    options: { leads: true, memory: holding(textA) },
    acting: textA,
    reason: "in-force",
    isStale: false,
    write: content(textA),
  },
  {
    name: "a follower keeps what it holds when the object was edited by hand",
    user: user(textC),
    object: edited,
    options: { memory: holding(textA) },
    acting: textA,
    reason: "in-force-unusable",
    isStale: true,
  },
  {
    name: "a follower that starts on an edited object acts on the text before",
    user: user(textC),
    object: edited,
    acting: textB,
    reason: "in-force-unusable",
    isStale: true,
  },
  {
    name: "an older version acts on the text before one that it cannot read",
    user: user(broken),
    object: inForce(broken, textA),
    acting: textA,
    reason: "in-force-unusable",
    isStale: true,
  },
  {
    name: "an older version that can read neither keeps what it holds",
    user: user(broken),
    object: inForce(broken, "also: broken"),
    options: { memory: holding(textB) },
    acting: textB,
    reason: "in-force-unusable",
    isStale: true,
  },
  {
    name: "an older version that leads does not overwrite a text that it cannot read",
    user: user(broken),
    object: inForce(broken, textA),
    options: { leads: true },
    acting: textA,
    reason: "in-force-unusable",
    isStale: true,
  },
  {
    name: "an older version that leads writes once it accepts a newer text of the user",
    user: user(textB),
    object: inForce(broken, textA),
    options: { leads: true },
    acting: textA,
    reason: "text-not-accepted-yet",
    isStale: true,
    write: content(textB, textA),
  },
  {
    name: "a ConfigMap without the key, while something is in force: it stays",
    user: keyless,
    object: inForce(textA),
    acting: textA,
    reason: "config-key-absent",
    isStale: true,
  },
  {
    name: "a leader does not take a missing key for an empty text",
    user: keyless,
    object: inForce(textA),
    options: { leads: true },
    acting: textA,
    reason: "config-key-absent",
    isStale: true,
  },
  {
    name: "a leader accepts an empty text, which somebody wrote on purpose",
    user: user(""),
    object: inForce(textA),
    options: { leads: true },
    acting: textA,
    reason: "text-not-accepted-yet",
    isStale: true,
    write: content("", textA),
  },
  {
    name: "a missing key counts as empty where nothing is in force",
    user: keyless,
    object: absent,
    options: { leads: true },
    acting: undefined,
    reason: "text-not-accepted-yet",
    isStale: true,
    write: content(""),
  },
  {
    name: "a missing key counts as empty where an empty configuration is in force",
    user: keyless,
    object: inForce(""),
    options: { leads: true },
    acting: "",
    reason: "in-force",
    isStale: false,
  },
  {
    name: "a missing key does not overwrite what this version cannot read",
    user: keyless,
    object: inForce(broken),
    options: { leads: true },
    acting: undefined,
    reason: "in-force-unusable",
    isStale: true,
  },
  {
    name: "an object without any key is no configuration",
    user: absent,
    object: { state: "present", content: {} },
    acting: undefined,
    reason: "in-force-unusable",
    isStale: true,
  },
];

for (const row of rows) {
  test(row.name, () => {
    const judgement = judge(row.user, row.object, row.options);
    assert.equal(judgement.acting?.text, row.acting);
    assert.equal(judgement.reason, row.reason);
    assert.equal(judgement.isStale, row.isStale);
    assert.deepEqual(judgement.write, row.write);
  });
}

test("what is in force stays the same object, so that nothing is parsed or applied again", () => {
  const first = judge(user(textA), inForce(textA));
  const second = judge(user(broken), inForce(textA), { memory: first.memory });
  assert.equal(second.acting, first.acting);
});

test("a broken text comes with its findings", () => {
  const { findings } = judge(user(broken), inForce(textA));
  assert.equal(findings[0]?.path, "address-pols");
});

test("a refusal is the sentence for the operator", () => {
  const refuses = "Service default/web would lose 10.0.0.1.";
  assert.equal(judge(user(textB), inForce(textA), { leads: true, refuses }).text, refuses);
});

test("a leader that sees its own write does not take it for an edit, even a late one", () => {
  const leads = true;
  const first = judge(user(textB), inForce(textA), { leads, memory: holding(textA, { leads }) });
  const second = judge(user(textC), inForce(textA), { leads, memory: first.memory });
  const late = judge(user(textC), inForce(textB, textA), { leads, memory: second.memory });
  assert.equal(late.acting?.text, textB);
  assert.deepEqual(late.write, content(textC, textB));
});

/** The two ConfigMaps and three processes, of which at most one leads. */
class World {
  user: UserConfigMap = absent;
  object: InForceConfigMap = absent;
  leading: number | undefined = 0;
  readonly memories: InForceMemory[] = [{}, {}, {}];
  /** Every text that a leader had written, or that a process accepted by itself on a NotFound. */
  readonly accepted = new Set<string>();

  step(index: number, isWritten: boolean): void {
    const before = this.memories[index] ?? {};
    const leads = index === this.leading;
    const judgement = judge(this.user, this.object, { memory: before, leads });
    this.memories[index] = judgement.memory;
    const { acting } = judgement;
    if (acting !== undefined && !this.accepted.has(acting.text)) {
      assert.equal(leads, false, "a leader acts on nothing that was not written before");
      assert.equal(this.object.state, "absent", "an unaccepted text while an accepted one exists");
      assert.equal(before.held, undefined, "an unaccepted text although one is held");
      this.accepted.add(acting.text);
    }
    if (before.held !== undefined) {
      assert.notEqual(acting, undefined, "what is held is never given up for nothing");
    }
    if (this.object.state === "present" && this.isWhole() && !leads) {
      assert.equal(acting?.text, this.object.content.config);
    }
    if (judgement.write !== undefined && isWritten) {
      this.accepted.add(judgement.write.config);
      this.object = { state: "present", content: judgement.write };
    }
  }

  isWhole(): boolean {
    if (this.object.state !== "present") {
      return false;
    }
    const { config = "", sourceSha256 } = this.object.content;
    return sha256(config) === sourceSha256;
  }
}

const worldEvents = fc.oneof(
  fc.record({ type: fc.constant("edit"), text: fc.constantFrom(textA, textB, textC, broken) }),
  fc.record({ type: fc.constant("delete") }),
  fc.record({ type: fc.constant("key-deleted") }),
  fc.record({ type: fc.constant("object-deleted") }),
  fc.record({ type: fc.constant("object-edited"), text: fc.constantFrom(textA, textC, broken) }),
  fc.record({ type: fc.constant("lead"), index: fc.option(fc.nat(2)) }),
  fc.record({ type: fc.constant("restart"), index: fc.nat(2) }),
  fc.record({ type: fc.constant("step"), index: fc.nat(2), isWritten: fc.boolean() }),
);

type WorldEvent = {
  readonly type: string;
  readonly text?: string;
  readonly index?: number | null;
  readonly isWritten?: boolean;
};

function happen(world: World, event: WorldEvent): void {
  switch (event.type) {
    case "edit":
      world.user = user(event.text ?? "");
      break;
    case "delete":
      world.user = absent;
      break;
    case "key-deleted":
      world.user = keyless;
      break;
    case "object-deleted":
      world.object = absent;
      break;
    case "object-edited":
      if (world.object.state === "present") {
        const before = world.object.content;
        world.object = { state: "present", content: { ...before, config: event.text ?? "" } };
      }
      break;
    case "lead":
      world.leading = event.index ?? undefined;
      break;
    case "restart":
      world.memories[event.index ?? 0] = {};
      break;
    default:
      world.step(event.index ?? 0, event.isWritten ?? false);
  }
}

test("the leader neither accepts nor refuses without a verdict, or with one on another text", () => {
  const inputs = { user: user(textB), inForce: inForce(textA), sha256 };
  const asked = judgeInForce({ ...inputs, memory: {}, leader: {} });
  const { candidate, memory } = asked;
  assert.ok(candidate);
  assert.deepEqual([asked.write, asked.reason], [undefined, "text-not-accepted-yet"]);
  const leader = { verdict: { candidate, refusal: "it strands" } };
  const refused = judgeInForce({ ...inputs, memory, leader });
  assert.deepEqual([refused.candidate, refused.text], [undefined, "it strands"]);
  const changed = judgeInForce({ ...inputs, user: user(textC), memory, leader });
  assert.deepEqual([changed.write, changed.reason], [undefined, "text-not-accepted-yet"]);
  assert.ok(changed.candidate);
});

test("whatever happens, no process acts on a text that nobody accepted, and all agree in the end", () => {
  fc.assert(
    fc.property(fc.array(worldEvents, { maxLength: 40 }), (events) => {
      const world = new World();
      for (const event of events) {
        happen(world, event);
      }
      world.user = user(textC);
      world.leading ??= 1;
      for (let round = 0; round < 3; round += 1) {
        [0, 1, 2].forEach((index) => world.step(index, true));
      }
      assert.deepEqual(
        world.memories.map((memory) => memory.held?.text),
        [textC, textC, textC],
      );
    }),
    { numRuns: 300 },
  );
});
