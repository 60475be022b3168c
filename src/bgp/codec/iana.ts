/** Assigned numbers of BGP, each group with the RFC that made its registry. */

/** RFC 4271 §4.1, RFC 2918 §3. */
export const MessageType = {
  Open: 1,
  Update: 2,
  Notification: 3,
  Keepalive: 4,
  RouteRefresh: 5,
} as const;

/** NOTIFICATION error codes: RFC 4271 §4.5, RFC 7313 §5, RFC 9687 §3.3. */
export const ErrorCode = {
  MessageHeader: 1,
  OpenMessage: 2,
  UpdateMessage: 3,
  HoldTimerExpired: 4,
  FiniteStateMachine: 5,
  Cease: 6,
  RouteRefreshMessage: 7,
  SendHoldTimerExpired: 8,
} as const;

/** RFC 4271 §6.1. */
export const HeaderError = {
  ConnectionNotSynchronized: 1,
  BadMessageLength: 2,
  BadMessageType: 3,
} as const;

/** RFC 4271 §6.2, RFC 5492 §5; 0 is for what no subcode names. */
export const OpenError = {
  Unspecific: 0,
  UnsupportedVersionNumber: 1,
  BadPeerAs: 2,
  BadBgpIdentifier: 3,
  UnsupportedOptionalParameter: 4,
  UnacceptableHoldTime: 6,
  UnsupportedCapability: 7,
} as const;

/** RFC 4271 §6.3. */
export const UpdateError = {
  MalformedAttributeList: 1,
  UnrecognizedWellKnownAttribute: 2,
  MissingWellKnownAttribute: 3,
  AttributeFlagsError: 4,
  AttributeLengthError: 5,
  InvalidOriginAttribute: 6,
  InvalidNextHopAttribute: 8,
  OptionalAttributeError: 9,
  InvalidNetworkField: 10,
  MalformedAsPath: 11,
} as const;

/** RFC 6608 §3. */
export const FsmError = {
  Unspecific: 0,
  UnexpectedInOpenSent: 1,
  UnexpectedInOpenConfirm: 2,
  UnexpectedInEstablished: 3,
} as const;

/** RFC 4486 §3, RFC 8538 §3.1, RFC 9384 §2. */
export const CeaseError = {
  MaximumNumberOfPrefixesReached: 1,
  AdministrativeShutdown: 2,
  PeerDeconfigured: 3,
  AdministrativeReset: 4,
  ConnectionRejected: 5,
  OtherConfigurationChange: 6,
  ConnectionCollisionResolution: 7,
  OutOfResources: 8,
  HardReset: 9,
  BfdDown: 10,
} as const;

/** RFC 7313 §5. */
export const RouteRefreshError = { InvalidMessageLength: 1 } as const;

/** RFC 5492 §4; 255 is RFC 9072 §2. */
export const OptionalParameterType = { Capabilities: 2, ExtendedLength: 255 } as const;

/** RFC 5492 §6 and the RFC of each. */
export const CapabilityCode = {
  /** RFC 4760 §8. */
  Multiprotocol: 1,
  /** RFC 2918 §2. */
  RouteRefresh: 2,
  /** RFC 8950 §4. */
  ExtendedNextHop: 5,
  /** RFC 8654 §3. */
  ExtendedMessage: 6,
  /** RFC 4724 §3. */
  GracefulRestart: 64,
  /** RFC 6793 §3. */
  FourOctetAsn: 65,
  /** RFC 7313 §3.1. */
  EnhancedRouteRefresh: 70,
  /** draft-walton-bgp-hostname-capability §3. */
  Hostname: 73,
} as const;

/** RFC 4760 §3; the numbers are those of the Address Family Numbers registry. */
export const Afi = { Ipv4: 1, Ipv6: 2 } as const;

/** RFC 4760 §6. */
export const Safi = { Unicast: 1 } as const;

/** RFC 4271 §4.3: the high-order bits of an attribute's first octet. */
export const AttributeFlag = {
  Optional: 0x80,
  Transitive: 0x40,
  Partial: 0x20,
  ExtendedLength: 0x10,
} as const;

/** RFC 4271 §5.1 and the RFC of each. */
export const AttributeCode = {
  Origin: 1,
  AsPath: 2,
  NextHop: 3,
  MultiExitDisc: 4,
  LocalPref: 5,
  AtomicAggregate: 6,
  Aggregator: 7,
  /** RFC 1997. */
  Communities: 8,
  /** RFC 4456 §8. */
  OriginatorId: 9,
  ClusterList: 10,
  /** RFC 4760 §3, §4. */
  MpReach: 14,
  MpUnreach: 15,
  /** RFC 4360 §2. */
  ExtendedCommunities: 16,
  /** RFC 6793 §3. */
  As4Path: 17,
  As4Aggregator: 18,
  /** RFC 8092 §3. */
  LargeCommunities: 32,
} as const;

/** RFC 4271 §4.3. */
export const OriginCode = { Igp: 0, Egp: 1, Incomplete: 2 } as const;

/** RFC 4271 §4.3, RFC 5065 §3. */
export const SegmentCode = { Set: 1, Sequence: 2, ConfedSequence: 3, ConfedSet: 4 } as const;

/** RFC 7313 §3.2: what a ROUTE-REFRESH says, in the octet that RFC 2918 had reserved. */
export const RefreshSubtype = { Request: 0, Begin: 1, End: 2 } as const;

/** Stands for an AS number above 65,535 where a field has two octets (RFC 6793 §9). */
export const asTrans = 23_456;

/** RFC 4271 §4.1; RFC 8654 §1 raises the limit for all but OPEN and KEEPALIVE. */
export const headerOctets = 19;
export const maxMessageOctets = 4_096;
export const maxExtendedMessageOctets = 65_535;

/** RFC 4271 §4.2. */
export const bgpVersion = 4;

/** RFC 8326 §5: the route is about to go; prefer any other. */
export const gracefulShutdownCommunity = 0xffff_0000;
