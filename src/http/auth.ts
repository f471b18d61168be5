import { createHash, timingSafeEqual } from "node:crypto";

const digest = (text: string) => createHash("sha256").update(text).digest();

/**
 * Whether a request may act. Without tokens anybody may: the server then listens on loopback only.
 * Digests of equal length are compared in constant time, each token whatever the others said.
 */
export function createAuth(tokens: readonly string[]): (authorization: string | undefined) => boolean {
  const known = tokens.map(digest);
  return (authorization) => {
    if (known.length === 0) return true;
    const given = digest(/^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? "");
    let found = false;
    for (const token of known) found = timingSafeEqual(token, given) || found;
    return found;
  };
}
