/**
 * What may be written where a password belongs (`s3cret` in all of them), from line 5, column 3 of a
 * peer, and the findings; none of them may show it.
 */
export const passwordLines: Readonly<Record<string, readonly string[]>> = {
  "password: [s3cret]": ["5:13: peers[0].password: is a list, not a single value"],
  "password: {s3cret: s3cret}": ["5:13: peers[0].password: is a mapping, not a single value"],
  "password: s3cret\npassword: t0psecret": [
    "6:3: peers[0].password: appears twice here: first on line 5",
  ],
  "password: &a s3cret\nrouter-id: *b": [
    "6:14: peers[0].router-id: an alias (*) without an anchor (&) before it; a value that begins with * needs quotes",
  ],
  "password: s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-":
    ["5:13: peers[0].password: has 84 bytes: TCP MD5 takes 80 at most"],
  "password: s3cret\npassword-secret: {name: routelb-peers, key: a}": [
    "6:20: peers[0].password-secret: excludes password: keep one of the two",
  ],
  "password: !s3cret x": [
    "5:21: peers[0].password: an unknown tag (!); a value that begins with ! needs quotes",
  ],
  "password: 's3cret' s3cret": [
    "5:22: text that does not belong here: a quote, comma or line break may be missing before",
  ],
  "password: @s3cret": ["5:13: a value that begins with this character needs quotes"],
  "password: *s3cret": [
    "5:13: peers[0].password: an alias (*) without an anchor (&) before it; a value that begins with * needs quotes",
    "5:13: warning: peers[0].password: is empty, so TCP MD5 is off; a password that begins with #, & or * needs quotes",
  ],
  "passwort: s3cret": ["5:3: peers[0].passwort: unknown key; did you mean password?"],
  "password s3cret: 1": ['5:3: peers[0]["?"]: unknown key; did you mean password-secret?'],
  "password: &p s3cret\nrouter-id: *p": [
    "6:14: peers[0].router-id: an alias of a password, which belongs under password only",
  ],
  "password: {a: &p s3cret}\nrouter-id: *p": [
    "5:13: peers[0].password: is a mapping, not a single value",
    "6:14: peers[0].router-id: an alias of a password, which belongs under password only",
  ],
  "password: # s3cret": [
    "5:13: warning: peers[0].password: is empty, so TCP MD5 is off; a password that begins with #, & or * needs quotes",
  ],
};
