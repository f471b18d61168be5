import * as v from "valibot";
import type { WebhookFormat } from "./body.ts";
import { isSigningSecret } from "./signature.ts";

/** Settings of the plugin `webhook`, checked: every receiver gets the same. */
export interface WebhookOptions {
  url: string[];
  /** Several during a rotation; none: alerts go out unsigned. */
  secret: string[];
  format: WebhookFormat;
  /** docker-autoheal's `WEBHOOK_JSON_KEY`: the body is `{"<key>": message}`. */
  jsonKey?: string;
  /** Lower-case names. */
  headers: Record<string, string>;
}

/** Not shown in faults: a receiver's address often is its password. */
const receiverUrl = v.pipe(
  v.unknown(),
  v.check((value) => {
    if (typeof value !== "string" || !URL.canParse(value)) return false;
    const { protocol, username, password } = new URL(value);
    return /^https?:$/.test(protocol) && username === "" && password === "";
  }, 'an absolute http or https URL, or a list of them; a user name and password go into headers ("authorization")'),
  v.transform((value) => new URL(value as string).href),
  v.metadata({ secret: true }),
);

const signingSecret = v.pipe(
  v.unknown(),
  v.check(
    (value) => typeof value === "string" && isSigningSecret(value),
    '"whsec_" followed by the base64 of 24 to 64 bytes, as from: echo "whsec_$(openssl rand -base64 32)"; several, for a rotation, as a list or separated by spaces',
  ),
  v.transform((value) => value as string),
  v.metadata({ secret: true }),
);

/** Ours to set, or the connection's. */
const RESERVED = /^(webhook-.*|content-type|content-length|transfer-encoding|connection|host)$/;

const header = v.pipe(
  v.unknown(),
  v.check((value) => typeof value === "string" && isHeader("x-name", value), "a text without line breaks"),
  v.transform((value) => value as string),
  v.metadata({ secret: true }),
);

const headerName = v.pipe(
  v.string(),
  v.check(
    (name) => isHeader(name, "x") && !RESERVED.test(name.toLowerCase()),
    "the name of a header that is not set by the watchdog (webhook-*, content-type, content-length, host, …)",
  ),
  v.toLowerCase(),
);

export const webhookOptions = v.pipe(
  v.strictObject({
    url: v.pipe(
      v.unknown(),
      v.transform((value): unknown[] => (Array.isArray(value) ? value : [value])),
      v.array(receiverUrl),
      v.minLength(1, "at least one URL"),
      v.check((urls) => new Set(urls).size === urls.length, "every URL once"),
      v.metadata({ secret: true }),
    ),
    secret: v.optional(
      v.pipe(
        v.unknown(),
        v.transform((value): unknown[] =>
          typeof value === "string" ? value.trim().split(/\s+/) : Array.isArray(value) ? value : [value],
        ),
        v.array(signingSecret),
        v.metadata({ secret: true }),
      ),
      [],
    ),
    format: v.optional(v.picklist(["alert", "cloudevents"], '"alert" or "cloudevents"'), "alert"),
    jsonKey: v.optional(v.pipe(v.string("a text"), v.minLength(1, "a text of at least 1 character"))),
    headers: v.optional(v.record(headerName, header), {}),
  }),
  v.check(
    ({ format, jsonKey }) => jsonKey === undefined || format === "alert",
    'either jsonKey or format "cloudevents", not both: they are two shapes of one body',
  ),
) satisfies v.GenericSchema<unknown, WebhookOptions>;

function isHeader(name: string, value: string): boolean {
  try {
    new Headers([[name, value]]);
    return true;
  } catch {
    return false;
  }
}
