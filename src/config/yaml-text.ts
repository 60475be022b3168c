import { stringify } from "yaml";

/** A value as YAML, in the order of its members; those that are undefined are left out, none is an alias. */
export function formatYaml(value: object): string {
  return stringify(value, { lineWidth: 0, keepUndefined: false, aliasDuplicateObjects: false });
}
