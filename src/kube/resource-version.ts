/**
 * Whether version `a` came before version `b` of the same resource.
 *
 * Resource versions of one resource are decimal numbers that grow (promised since Kubernetes 1.35,
 * so with every server before). Of two that are not numbers, none counts as older.
 */
export function isOlder(a: string, b: string): boolean {
  if (!decimal.test(a) || !decimal.test(b)) {
    return false;
  }
  return a.length === b.length ? a < b : a.length < b.length;
}

const decimal = /^(?:0|[1-9]\d*)$/;
