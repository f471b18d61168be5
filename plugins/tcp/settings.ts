import * as v from "valibot";
import { help } from "../../src/plugin.ts";

/** `services.<service>.tcp`, checked. */
export interface TcpServiceOptions {
  send?: string | undefined;
  expect?: string | undefined;
}

const MAX_TEXT = 1000;
const SENT = `a text of 1 to ${MAX_TEXT} characters that is sent first, such as "PING\\r\\n"`;
const EXPECTED = `a text of 1 to ${MAX_TEXT} characters that the first 64 KiB of the answer must contain, such as "+PONG"`;
const text = (accepted: string) =>
  v.pipe(v.string(accepted), v.minLength(1, accepted), v.maxLength(MAX_TEXT, accepted));

export const tcpServiceOptions = v.strictObject({
  // It may hold a password.
  send: help("A text that is sent first.", v.optional(v.pipe(text(SENT), v.metadata({ secret: true })))),
  expect: help("A text that the answer must contain.", v.optional(text(EXPECTED))),
});
