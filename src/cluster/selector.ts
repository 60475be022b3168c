import type { Selector, SelectorRequirement } from "../config/model.ts";

export type Labels = Readonly<Record<string, string>>;

/** Whether all of `selector` matches; an empty one matches everything, as in Kubernetes. */
export function selectorMatches(selector: Selector, labels: Labels): boolean {
  return (
    Object.entries(selector.matchLabels).every(([key, value]) => labels[key] === value) &&
    selector.matchExpressions.every((requirement) => requirementMatches(requirement, labels))
  );
}

/** Whether one of `selectors` matches; no selectors at all match everything, as in MetalLB. */
export function someSelectorMatches(selectors: readonly Selector[], labels: Labels): boolean {
  return selectors.length === 0 || selectors.some((selector) => selectorMatches(selector, labels));
}

/** NotIn and DoesNotExist also match where the label is absent, as in Kubernetes. */
function requirementMatches(requirement: SelectorRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.operator) {
    case "In":
      return value !== undefined && requirement.values.includes(value);
    case "NotIn":
      return value === undefined || !requirement.values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
}
