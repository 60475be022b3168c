import { parseDurationSeconds } from "../../config/duration.ts";
import { valueAt } from "../../config/manifest.ts";
import { parseAddress } from "../../net/address.ts";
import {
  convertFields,
  type FieldTable,
  plain,
  selectors,
  textOf,
  unlessZero,
  type Values,
} from "./field-table.ts";
import type { Remarks } from "./loss.ts";
import { isZero, type MetallbObject, remarkOnField } from "./metallb-object.ts";

/** BGPPeer, v1beta1 and v1beta2. */
const peerTable: FieldTable = {
  myASN: { key: "my-asn", value: plain() },
  // With `no-prepend replace-as`, as MetalLB sets it, the router sees nothing but this number.
  localASN: { key: "my-asn", value: unlessZero },
  peerASN: { key: "peer-asn", value: unlessZero },
  dynamicASN: { key: "peer-asn", value: unlessZero },
  peerAddress: { key: "peer-address", value: plain() },
  interface: {
    lost: "there are no unnumbered sessions; peer with the router's link-local address, as in peer-address: fe80::1%eth0, or with peer-address: default-gateway",
  },
  peerPort: { key: "peer-port", value: (tree) => (isZero(tree) ? undefined : plain(179)(tree)) },
  sourceAddress: { key: "source-address", value: plain() },
  holdTime: "elsewhere",
  keepaliveTime: { key: "keepalive-time", value: unlessZero },
  connectTime: { key: "connect-time", value: unlessZero },
  routerID: { key: "router-id", value: plain() },
  nodeSelectors: { key: "node-selectors", value: selectors },
  password: { key: "password", value: (tree) => textOf(tree) || undefined },
  passwordSecret: "elsewhere",
  bfdProfile: { key: "bfd-profile", value: (tree) => textOf(tree) || undefined },
  // On, unless the ConfigMap says otherwise.
  enableGracefulRestart: "elsewhere",
  ebgpMultiHop: { key: "ebgp-multihop", value: plain(false) },
  vrf: {
    lost: "the peer was left out: a speaker is in the node's default VRF only; make the router reachable there, or leave this session to MetalLB",
  },
  disableMP: "elsewhere",
  dualStackAddressFamily: "elsewhere",
};

export function convertPeer(
  object: MetallbObject,
  targetNamespace: string,
): Remarks & { readonly values?: Values } {
  const { values, losses } = convertFields(object, peerTable);
  if (!isZero(valueAt(object.spec, "vrf"))) {
    return { losses, notes: [] };
  }
  const secret = convertSecret(object, targetNamespace);
  const isBoth = values["password"] !== undefined && secret.values !== undefined;
  return {
    values: {
      name: object.name,
      ...values,
      ...holdTime(object),
      ...(isBoth ? {} : secret.values),
      ...families(object),
    },
    losses: isBoth
      ? [...losses, remarkOnField(object, "passwordSecret", "excludes password, which was taken")]
      : losses,
    notes: isBoth ? [] : secret.notes,
  };
}

/**
 * Zero is "not set" in v1beta1, and a Hold Time in v1beta2. Where only the keepalive time is set,
 * MetalLB takes three times that.
 */
function holdTime({ version, spec }: MetallbObject): Values {
  const tree = valueAt(spec, "holdTime");
  if (tree !== undefined && textOf(tree) !== "" && !(version === "v1beta1" && isZero(tree))) {
    return { "hold-time": textOf(tree) };
  }
  const keepalive = parseDurationSeconds(textOf(valueAt(spec, "keepaliveTime") ?? spec));
  return keepalive === undefined || keepalive <= 0 ? {} : { "hold-time": `${3 * keepalive}s` };
}

/** A Secret of type basic-auth has the password under this key. */
const secretKey = "password";
/** The Secret that the speaker's Role in deploy/ names. */
const shippedSecret = "routelb-peers";

function convertSecret(
  object: MetallbObject,
  targetNamespace: string,
): { readonly values?: Values; readonly notes: Remarks["notes"] } {
  const reference = valueAt(object.spec, "passwordSecret");
  const at = (key: string): string => {
    const tree = reference?.type === "mapping" ? valueAt(reference, key) : undefined;
    return tree === undefined ? "" : textOf(tree);
  };
  const name = at("name");
  if (name === "") {
    return { notes: [] };
  }
  const namespace = at("namespace") || object.namespace || "metallb-system";
  const needs = [
    ...(namespace === targetNamespace ? [] : [`copy it from ${namespace} to ${targetNamespace}`]),
    ...(name === shippedSecret ? [] : ["name it in the Role of the speaker (resourceNames)"]),
  ];
  const text = `the Secret ${name} is referred to, key ${secretKey}: ${needs.join(", and ")}`;
  return {
    values: { "password-secret": { name, key: secretKey } },
    notes: needs.length === 0 ? [] : [remarkOnField(object, "passwordSecret", text)],
  };
}

/**
 * One family where the object says so: `disableMP: true`, or since 0.15 `dualStackAddressFamily:
 * false`, which its API server writes into every object. Before, both were negotiated.
 */
function families({ spec }: MetallbObject): Values {
  const address = parseAddress(textOf(valueAt(spec, "peerAddress") ?? spec));
  const dualStack = valueAt(spec, "dualStackAddressFamily");
  const isSingle =
    !isZero(valueAt(spec, "disableMP")) || (dualStack !== undefined && isZero(dualStack));
  return address !== undefined && isSingle ? { families: [address.family] } : {};
}
