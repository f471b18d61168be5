const PREFIX = "whsec_";

/** The secret format of Standard Webhooks: `whsec_` and the base64 of 24 to 64 bytes. */
export function isSigningSecret(text: string): boolean {
  const base64 = text.slice(PREFIX.length);
  if (!text.startsWith(PREFIX) || base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64))
    return false;
  const { length } = keyOf(text);
  return length >= 24 && length <= 64;
}

/**
 * The header `webhook-signature`: `v1,<base64 of HMAC-SHA256>` for every secret, separated by spaces, so that a
 * receiver may have either secret during a rotation. `content` is `id.timestamp.body`.
 */
export async function signatures(secrets: readonly string[], content: string): Promise<string> {
  const bytes = new TextEncoder().encode(content);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const signed = secrets.map(async (secret) => {
    const key = await crypto.subtle.importKey("raw", keyOf(secret), algorithm, false, ["sign"]);
    return `v1,${toBase64(await crypto.subtle.sign("HMAC", key, bytes))}`;
  });
  return (await Promise.all(signed)).join(" ");
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(secret.slice(PREFIX.length)), (character) => character.charCodeAt(0));
}

function toBase64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}
