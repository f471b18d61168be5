import * as v from "valibot";

export interface Address {
  /** The display name; empty if there is none. */
  name: string;
  address: string;
}

/** Deliberately stricter than RFC 5322: nothing in it can end a header, an address or a list. */
const LOCAL = "[\\p{L}\\p{N}.!#$%&'*+/=?^_`{|}~-]{1,64}";
const DOMAIN = "[\\p{L}\\p{N}](?:[\\p{L}\\p{N}.-]{0,251}[\\p{L}\\p{N}])?";
const ADDRESS = new RegExp(
  `^(?:([^<>"@,;:\\\\\\p{Cc}\\u2028\\u2029]{0,100}?)\\s*<(${LOCAL}@${DOMAIN})>|(${LOCAL}@${DOMAIN}))$`,
  "u",
);

/** `ops@example.com` or `Night shift <ops@example.com>`; `undefined` for anything else. */
export function parseAddress(text: unknown): Address | undefined {
  const match = typeof text === "string" ? ADDRESS.exec(text.trim()) : null;
  if (!match) return undefined;
  const [, name = "", named, bare] = match;
  return { name: name.trim(), address: (named ?? bare)! };
}

const ACCEPTED = 'an address such as "ops@example.com" or "Night shift <ops@example.com>"';

/** One address. */
export const address = v.pipe(
  v.string(ACCEPTED),
  v.check((text) => parseAddress(text) !== undefined, ACCEPTED),
  v.transform((value) => parseAddress(value)!),
);
