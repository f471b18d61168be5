import { cut } from "./cut.ts";

const same = (text: string) => text;
const lengthOf = (written: string) => written.length;

/**
 * `text` as `write` escapes it, at most `limit` long by `sizeOf` (UTF-16 units, which are never fewer
 * than the characters that a provider counts). A text that is too long is cut between characters and ends
 * in an ellipsis; it is cut before it is escaped, so that no escape is broken.
 */
export function fit(
  text: string,
  limit: number,
  write: (text: string) => string = same,
  sizeOf: (written: string) => number = lengthOf,
): string {
  const written = write(cut(text));
  if (sizeOf(written) <= limit) return written;
  // No character takes less than one unit, so more of them than `limit` cannot fit.
  const characters = [...cut(text, limit + 1)].slice(0, limit);
  const beginning = (length: number) => write(`${characters.slice(0, length).join("")}…`);
  let [fits, most] = [0, characters.length];
  while (fits < most) {
    const middle = Math.ceil((fits + most) / 2);
    if (sizeOf(beginning(middle)) <= limit) fits = middle;
    else most = middle - 1;
  }
  return beginning(fits);
}

/** The bytes that a text takes inside a JSON document. */
export function jsonBytes(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length - 2;
}
