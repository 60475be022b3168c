import {
  at,
  isList,
  type Json,
  listAt,
  numberAt,
  objectAt,
  parseJson,
  textAt,
} from "../../../lab/kube/json.ts";
import type { AddressFamily } from "../../../src/net/address.ts";
import { numericCommunities } from "./communities.ts";
import type { NeighbourView, SeenRoute } from "./router.ts";

/** The table of routes that follows from what ExaBGP told, and what it told of the session. */
export class ExabgpEvents {
  readonly #routes = { ipv4: new Map<string, SeenRoute>(), ipv6: new Map<string, SeenRoute>() };
  /** Ends of the session, as ExaBGP words them. */
  readonly endings: string[] = [];
  #offset = 0;
  #state = "none";
  #open: Json | undefined;

  /** Reads what is new in the text of all events. Numbers of 64 bits become texts. */
  take(text: string): void {
    const end = text.lastIndexOf("\n") + 1;
    const lines = text.slice(this.#offset, end).split("\n");
    this.#offset = end;
    for (const line of lines.filter(Boolean)) {
      this.#event(parseJson(line.replaceAll(/"value": (\d{16,})/g, '"value": "$1"')));
    }
  }

  neighbour(): NeighbourView {
    const remoteAsn = numberAt(this.#open, "capabilities", "65", "asn4");
    const extended = textAt(this.#open, "capabilities", "6", "name");
    return {
      isUp: this.#state === "up",
      state: this.#state,
      ...(remoteAsn !== undefined && { remoteAsn }),
      extendedMessages: extended === "extended-message" ? "agreed" : `capability 6: ${extended}`,
    };
  }

  count(family: AddressFamily): number {
    return this.#routes[family].size;
  }

  route(prefix: string): SeenRoute | undefined {
    return this.#routes[familyOf(prefix)].get(prefix);
  }

  #event(event: Json): void {
    const neighbour = at(event, "neighbor");
    const [state, reason] = [textAt(neighbour, "state"), textAt(neighbour, "reason")];
    if (state !== undefined) {
      this.#state = state;
    }
    if (state === "down") {
      this.endings.push(reason ?? "");
      this.#routes.ipv4.clear();
      this.#routes.ipv6.clear();
    }
    const notification = at(neighbour, "notification") ?? at(neighbour, "message", "notification");
    if (notification !== undefined) {
      this.endings.push(JSON.stringify(notification));
    }
    if (textAt(neighbour, "direction") === "receive") {
      this.#open = at(neighbour, "open") ?? this.#open;
    }
    const update = at(neighbour, "message", "update");
    this.#withdraw(objectAt(update, "withdraw"));
    this.#announce(objectAt(update, "announce"), at(update, "attribute"));
  }

  #withdraw(byFamily: Readonly<Record<string, Json | undefined>>): void {
    for (const routes of Object.values(byFamily)) {
      for (const prefix of isList(routes)
        ? routes.flatMap((one) => textAt(one, "nlri") ?? [])
        : []) {
        this.#routes[familyOf(prefix)].delete(prefix);
      }
    }
  }

  #announce(
    byFamily: Readonly<Record<string, Json | undefined>>,
    attributes: Json | undefined,
  ): void {
    for (const byNextHop of Object.values(byFamily)) {
      for (const nextHop of Object.keys(objectAt(byNextHop))) {
        const route = seenRoute(nextHop, attributes);
        for (const prefix of listAt(byNextHop, nextHop)) {
          const text = textAt(prefix, "nlri") ?? "";
          this.#routes[familyOf(text)].set(text, route);
        }
      }
    }
  }
}

function familyOf(prefix: string): AddressFamily {
  return prefix.includes(":") ? "ipv6" : "ipv4";
}

function seenRoute(nextHop: string, attributes: Json | undefined): SeenRoute {
  const localPref = numberAt(attributes, "local-preference");
  const med = numberAt(attributes, "med");
  const joined = (name: string) =>
    listAt(attributes, name).map((one) => (isList(one) ? one : [one]).map(Number).join(":"));
  const extended = listAt(attributes, "extended-community");
  const bandwidth = extended
    .map((one) => /^bandwidth:(?:\d+:)?(\d+)/.exec(textAt(one, "string") ?? "")?.[1])
    .find((text) => text !== undefined);
  return {
    asPath: joined("as-path").join(" "),
    nextHops: [nextHop],
    origin: textAt(attributes, "origin") ?? "",
    ...(localPref !== undefined && { localPref }),
    ...(med !== undefined && { med }),
    communities: numericCommunities(joined("community")),
    largeCommunities: joined("large-community"),
    ...(bandwidth !== undefined && { linkBandwidth: Number(bandwidth) }),
    extendedCommunities: extended.length === 0 ? "" : JSON.stringify(extended),
  };
}
