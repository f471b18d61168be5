import * as v from "valibot";

/** The address of a receiver. Never shown: it often is a password. */
export function receiverUrl(accepted = "an absolute http or https URL, without a user name and password") {
  return v.pipe(
    v.unknown(),
    v.check((value) => {
      if (typeof value !== "string" || !URL.canParse(value)) return false;
      const { protocol, username, password } = new URL(value);
      return /^https?:$/.test(protocol) && username === "" && password === "";
    }, accepted),
    v.transform((value) => new URL(value as string).href),
    v.metadata({ secret: true }),
  );
}
