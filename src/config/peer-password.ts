import { type Fields, parsedText, type Reader, readFields, text } from "./fields.ts";
import type { Report } from "./finding.ts";
import type { PeerPassword } from "./model.ts";
import { keys } from "./schema.ts";
import { isDnsSubdomain } from "./selector.ts";

/** Linux takes no longer TCP MD5 key. */
const longestPasswordBytes = 80;

/** Reads `password` or `password-secret`. No finding shows more of a password than its length. */
export function readPassword(
  fields: Fields<(typeof keys.peer)[number]>,
  report: Report,
): PeerPassword | undefined {
  const place = fields.placeOf("password");
  const password = fields.optional("password", text);
  const secret = fields.optional("password-secret", passwordSecret);
  if (fields.isPresent("password") && fields.isPresent("password-secret")) {
    report(fields.placeOf("password-secret"), "excludes password: keep one of the two");
  }
  if (fields.isWritten("password") && !fields.isPresent("password")) {
    report(
      place,
      "is empty, so TCP MD5 is off; a password that begins with #, & or * needs quotes",
      "warning",
    );
  }
  if (secret !== undefined) {
    return { type: "secret", ...secret };
  }
  if (password === undefined) {
    return undefined;
  }
  const bytes = new TextEncoder().encode(password).length;
  if (bytes > longestPasswordBytes) {
    report(place, `has ${bytes} bytes: TCP MD5 takes ${longestPasswordBytes} at most`);
  }
  return { type: "text", text: password };
}

const passwordSecret: Reader<{ name: string; key: string }> = (tree, report) => {
  const fields = readFields(tree, keys.passwordSecret, report);
  const name = fields?.required(
    "name",
    parsedText(
      (value) => (isDnsSubdomain(value) ? value : undefined),
      "write the name of a Secret",
    ),
    "write the name of a Secret in the same namespace",
  );
  const key = fields?.required(
    "key",
    parsedText(
      (value) => (/^[-\w.]{1,253}$/.test(value) ? value : undefined),
      "write a key of a Secret",
    ),
    "the key in the Secret that holds the password",
  );
  return name === undefined || key === undefined ? undefined : { name, key };
};
