/** The names that routers give to well-known communities, by their letters and digits alone. */
const wellKnown: Readonly<Record<string, string>> = {
  gracefulshutdown: "65535:0",
  gshut: "65535:0",
  noexport: "65535:65281",
  noadvertise: "65535:65282",
};

/** Communities as numbers, ascending: `graceful-shutdown` and `(65535,0)` are `65535:0`. */
export function numericCommunities(written: readonly string[]): readonly string[] {
  return written
    .map((text) => {
      const name = text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
      const numbers = text.match(/\d+/g);
      return wellKnown[name] ?? (numbers === null ? text : numbers.join(":"));
    })
    .toSorted((a, b) => valueOf(a) - valueOf(b));
}

/** The community whose 32 bits are `value`. */
export function communityOf(value: number): string {
  return `${Math.floor(value / 0x1_0000)}:${value % 0x1_0000}`;
}

function valueOf(community: string): number {
  const [high = "0", low = "0"] = community.split(":");
  return Number(high) * 0x1_0000 + Number(low);
}
