import type { Position } from "../../config/finding.ts";

/** Something of a manifest that a reader must know of. */
export interface Remark {
  readonly file: string;
  readonly at: Position;
  /** `BGPPeer rack-a`. */
  readonly object: string;
  /** `spec.vrf`; empty for the object as a whole. */
  readonly field: string;
  /** Why it is not in the result, and what to do instead. */
  readonly text: string;
}

/** What came of converting. */
export interface Remarks {
  /** What could not be expressed. */
  readonly losses: readonly Remark[];
  /** What is in the result, and needs a hand besides. */
  readonly notes: readonly Remark[];
}

/** `FILE:LINE:COLUMN: BGPPeer rack-a: spec.vrf: text`. */
export function formatRemark({ file, at, object, field, text }: Remark, mark = ""): string {
  const what = field === "" ? object : `${object}: ${field}`;
  return `${file}:${at.line}:${at.column}: ${mark}${what}: ${text}`;
}
