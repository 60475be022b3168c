import { type FieldError, invalidValue } from "./api-error.ts";

const suffixLetters = "bcdfghjklmnpqrstvwxz2456789";

/** `length` letters and digits that form no words, as in the names of Pods. */
export function randomSuffix(random: () => number, length = 5): string {
  let suffix = "";
  for (let index = 0; index < length; index += 1) {
    suffix += suffixLetters[Math.floor(random() * suffixLetters.length)] ?? "b";
  }
  return suffix;
}

/** A version 4 UUID (RFC 9562 §5.4) of `random`, so that a test can fix it. */
export function makeUid(random: () => number): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(random() * 16));
  digits[12] = 4;
  digits[16] = 8 + ((digits[16] ?? 0) & 3);
  const hex = digits.map((digit) => digit.toString(16)).join("");
  return [0, 8, 12, 16, 20]
    .map((start, index, starts) => hex.slice(start, starts[index + 1]))
    .join("-");
}

const hashLetters = "456789bcdf";

/** A hash in the letters that Pod names use, the same for the same text. */
export function safeHash(text: string): string {
  // FNV-1a, 32 bits.
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return String(hash).replaceAll(/\d/g, (digit) => hashLetters[Number(digit)] ?? "");
}

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const subdomain = new RegExp(`^${label}(\\.${label})*$`);
const dns1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const dnsLabel = new RegExp(`^${label}$`);

/** What is wrong with the name of an object, in Kubernetes' words. */
export function nameErrors(storage: string, name: string): readonly FieldError[] {
  const field = "metadata.name";
  const [first] = labelErrors(field, storage, name);
  if (first !== undefined) {
    return [first];
  }
  // Roles may be called anything that fits into a path, `system:node` for one.
  const isRole = /^(cluster)?role(binding)?s$/.test(storage);
  if (isRole && !/[/%]/.test(name) && name !== "." && name !== "..") {
    return [];
  }
  if (!subdomain.test(name) || name.length > 253) {
    return [
      invalidValue(
        field,
        name,
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      ),
    ];
  }
  return [];
}

function labelErrors(field: string, storage: string, name: string): readonly FieldError[] {
  const isShort = name.length <= 63;
  if (storage === "services" && !(dns1035.test(name) && isShort)) {
    return [
      invalidValue(
        field,
        name,
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
      ),
    ];
  }
  if (storage === "namespaces" && !(dnsLabel.test(name) && isShort)) {
    return [
      invalidValue(
        field,
        name,
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      ),
    ];
  }
  return [];
}

const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const labelKey =
  /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)$/;

/** What is wrong with labels and the keys of annotations. */
export function metadataErrors(
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  const keyHint =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  for (const [key, value] of Object.entries(labels)) {
    if (!labelKey.test(key)) {
      errors.push(invalidValue("metadata.labels", key, keyHint));
    }
    if (!labelValue.test(value) || value.length > 63) {
      errors.push(
        invalidValue(
          "metadata.labels",
          value,
          "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ),
      );
    }
  }
  for (const key of Object.keys(annotations)) {
    if (!labelKey.test(key.toLowerCase())) {
      errors.push(invalidValue("metadata.annotations", key, keyHint));
    }
  }
  return errors;
}
