import { runIn } from "../../../lab/namespaces.ts";
import { waitFor } from "../../../lab/wait.ts";
import type { AddressFamily } from "../../../src/net/address.ts";
import type { BgpSpeaker, WrittenPeer } from "../../support/bgp-speaker.ts";
import type { RouterLink } from "../../support/routers/link.ts";
import type { RouterKind, RouterSettings, RunningRouter } from "../../support/routers/router.ts";
import type { Answers, RowName } from "./rows.ts";

/** A part of the matrix that needs one configuration of the router. */
export interface Scenario {
  readonly name: string;
  /** Of the router, against `plainSettings`. */
  readonly settings: Partial<RouterSettings>;
  /** What `run` answers; nothing more and nothing less. */
  readonly rows: readonly RowName[];
  /** Rejects if what it sees is neither what is wanted nor an answer of the router's. */
  run(stage: Stage): Promise<Answers>;
}

export const plainSettings: RouterSettings = {
  transport: "ipv4",
  asn: 64512,
  speakerAsn: 64522,
  holdTimeSeconds: 9,
};

/** One router of one kind and the speakers that it is tried with, for the time of one scenario. */
export class Stage implements AsyncDisposable {
  readonly kind: RouterKind;
  readonly link: RouterLink;
  readonly settings: RouterSettings;
  readonly #speakers: BgpSpeaker[] = [];
  #router: RunningRouter;
  #isCut = false;

  private constructor(
    kind: RouterKind,
    link: RouterLink,
    settings: RouterSettings,
    router: RunningRouter,
  ) {
    this.kind = kind;
    this.link = link;
    this.settings = settings;
    this.#router = router;
  }

  static async open(
    kind: RouterKind,
    link: RouterLink,
    changes: Partial<RouterSettings>,
  ): Promise<Stage> {
    const settings = { ...plainSettings, ...changes };
    return new Stage(kind, link, settings, await kind.start(link.place, settings));
  }

  get router(): RunningRouter {
    return this.#router;
  }

  /** A speaker with a session to the router; `changes` are against what the router expects. */
  async speaker(changes: Partial<WrittenPeer> = {}, uptimeSeconds?: number): Promise<BgpSpeaker> {
    const speaker = await this.link.speaker(this.settings, changes, uptimeSeconds);
    this.#speakers.push(speaker);
    return speaker;
  }

  async restartRouter(): Promise<void> {
    await this.#router.close();
    this.#router = await this.kind.start(this.link.place, this.settings);
  }

  /** Until the router shows the session as established, and what it shows then. */
  waitUntilUp() {
    return waitFor(
      async () => {
        const view = await this.#router.neighbour();
        return view.isUp ? view : undefined;
      },
      { what: `${this.kind.name} shows the session as established`, timeoutMs: 40_000 },
    );
  }

  waitUntilDown(timeoutMs = 20_000) {
    return waitFor(
      async () => {
        const view = await this.#router.neighbour();
        return view.isUp ? undefined : view;
      },
      { what: `${this.kind.name} shows the session as down`, timeoutMs },
    );
  }

  waitForCount(count: number, family: AddressFamily = "ipv4", timeoutMs = 40_000) {
    return waitFor(async () => ((await this.#router.count(family)) === count ? count : undefined), {
      what: `${this.kind.name} has ${count} ${family} routes`,
      timeoutMs,
      intervalMs: 100,
    });
  }

  waitForRoute(prefix: string) {
    return waitFor(() => this.#router.route(prefix), {
      what: `${this.kind.name} has ${prefix}`,
      timeoutMs: 20_000,
    });
  }

  /** True once the router's log or status matches, false if it does not within 5 s. */
  async says(pattern: RegExp): Promise<boolean> {
    const deadline = performance.now() + 5_000;
    return waitFor(
      async () => {
        const matches = pattern.test(await this.#router.history());
        return matches || performance.now() > deadline ? matches : undefined;
      },
      { what: `the history of ${this.kind.name}`, timeoutMs: 20_000, intervalMs: 200 },
    );
  }

  /** The last line of its log or status. */
  async lastWord(): Promise<string> {
    return (await this.#router.history()).trim().split("\n").at(-1) ?? "";
  }

  /** Every packet between the router and others is lost, silently, until `mend`. */
  async cut(): Promise<void> {
    const chain = (hook: string, device: string) =>
      `add chain inet cut ${hook} { type filter hook ${hook} priority 0; policy drop; }
       add rule inet cut ${hook} ${device} "lo" accept\n`;
    this.#isCut = true;
    await this.#nft(`add table inet cut\n${chain("input", "iif")}${chain("output", "oif")}`);
  }

  async mend(): Promise<void> {
    await this.#nft("delete table inet cut\n");
    this.#isCut = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isCut) {
      await this.mend();
    }
    await Promise.all(this.#speakers.map((speaker) => speaker[Symbol.asyncDispose]()));
    await this.#router.close();
  }

  async #nft(script: string): Promise<void> {
    await runIn(this.link.place.namespace, "nft", ["-f", "-"], { input: script });
  }
}
