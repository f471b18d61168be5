import { foreign } from "../network/reasons.ts";
import type { TcpServiceOptions } from "./settings.ts";

/** How much of an answer is read, at most. */
export const MAX_ANSWER_BYTES = 64 * 1024;
const SHOWN_LENGTH = 60;
/** Enough bytes for the characters that are shown. */
const KEPT_BYTES = 4 * SHOWN_LENGTH;

/** What a peer has said so far, compared with what it should say. Of a long answer, little is kept. */
export interface Answer {
  /** Whether the wanted text is in it now. */
  take(chunk: Buffer): boolean;
  isFull(): boolean;
  /** Why this is not the answer; `ending` says how it ended. */
  fault(ending: string): string;
}

/** Compares bytes, so that a peer may say anything. */
export function createAnswer(expected: string, { send = "" }: TcpServiceOptions): Answer {
  const wanted = Buffer.from(expected);
  let beginning = Buffer.alloc(0);
  let tail = Buffer.alloc(0);
  let bytes = 0;
  return {
    take(chunk) {
      const part = chunk.subarray(0, MAX_ANSWER_BYTES - bytes);
      bytes += part.length;
      if (beginning.length < KEPT_BYTES) {
        beginning = Buffer.concat([beginning, part.subarray(0, KEPT_BYTES - beginning.length)]);
      }
      const seen = Buffer.concat([tail, part]);
      // A copy: a part of a chunk would keep all of it in memory.
      tail = Buffer.from(seen.subarray(Math.max(0, seen.length - wanted.length + 1)));
      return seen.includes(wanted);
    },
    isFull: () => bytes >= MAX_ANSWER_BYTES,
    fault(ending) {
      const said = withoutSent(foreign(beginning.toString(), SHOWN_LENGTH), send);
      return `answer ${JSON.stringify(said)} does not contain ${JSON.stringify(foreign(expected, SHOWN_LENGTH))}${ending}`;
    },
  };
}

/** Servers repeat what they did not understand, and what was sent may hold a password. */
function withoutSent(text: string, sent: string): string {
  const words = sent.split(/[\s\p{Cc}]+/u).filter((word) => word.length >= 4);
  return words.reduce((left, word) => left.replaceAll(word, "[redacted]"), text);
}
