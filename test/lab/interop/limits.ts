import type { Answers } from "./rows.ts";

const noBfd = "has no BFD";
const keepsNothing =
  "keeps no routes; its last word: `peer reset, message (closing connection) error(the TCP connection was closed by the remote end)`";

/**
 * What a router, in the version that Debian 12 has, answers where others answer `yes`; by its id.
 * The matrix fails when an answer becomes another one, for better or for worse.
 */
export const limits: Readonly<Record<string, Answers>> = {
  bird: {
    "link-bandwidth": "shows `(unknown 0x4, 64522, 1245125376)`",
    "link-bandwidth-internal": "shows `(unknown 0x4004, 64512, 1245125376)`",
  },
  gobgp: {
    "extended-messages": "shows our capability 6 as UnknownCapability",
    refresh: "sends nothing after `gobgp neighbor 172.16.7.11 softresetin -a ipv4`",
    "enhanced-refresh": "does not offer it",
    boot: "keeps them until End-of-RIB",
    bfd: noBfd,
  },
  openbgpd: {
    "extended-messages": "agreed are only as4byte, refresh, enhanced_refresh, multiprotocol",
    "enhanced-refresh": "logs `route refresh: AID IPv4 unicast not negotiated`",
    "link-bandwidth": "shows `[4] 64522:1245125376`",
    "link-bandwidth-internal": "shows `[4] 0x4004000000000000`",
    "extended-next-hop": "does not offer it; the speaker withholds the route",
    bfd: noBfd,
  },
  exabgp: {
    "link-local": "does not start: `can not bind to fe80::7:1:179 ([Errno 22] Invalid argument)`",
    "shutdown-text":
      'its last word: `peer reset, message (notification sent (1,0)) error(Message header error / Unspecific / can not decode update message of type "3")`',
    "gtsm-one-sided": "takes packets of TTL 64",
    "link-bandwidth": 'shows `[{"value":"1403021031840512","string":""}]`',
    "link-bandwidth-internal": 'shows `[{"value":"4613088996509555456","string":""}]`',
    "graceful-restart": keepsNothing,
    "restart-exit": keepsNothing,
    boot: keepsNothing,
    bfd: noBfd,
  },
};
