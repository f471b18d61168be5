import * as v from "valibot";
import {
  choice,
  help,
  oneOrMany,
  receiverUrl,
  type SinkSettings,
  secret,
  sinkSettings,
} from "../../src/plugin.ts";
import type { WebhookFormat } from "./body.ts";
import { isSigningSecret } from "./signature.ts";

/** One receiver, with validated settings. */
export interface WebhookReceiver extends SinkSettings {
  url: string;
  /** Several during a rotation. Without a secret, alerts are not signed. */
  secret: string[];
  format: WebhookFormat;
  /** docker-autoheal's `WEBHOOK_JSON_KEY`: the body is `{"<key>": message}`, with each of several keys. */
  jsonKey?: string | string[];
  /** Names in lower case. */
  headers: Record<string, string>;
}

const urlOfReceiver = receiverUrl(
  'an absolute http or https URL, or a list of them; a user name and password go into headers ("authorization")',
);

const ACCEPTED_SECRET =
  '"whsec_" followed by the base64 of 24 to 64 bytes, as from: echo "whsec_$(openssl rand -base64 32)"; several, for a rotation, as a list or separated by spaces';
const signingSecret = v.pipe(
  secret(ACCEPTED_SECRET),
  v.transform((text) => text.trim().split(/\s+/)),
  v.check((secrets) => secrets.every(isSigningSecret), ACCEPTED_SECRET),
  v.metadata({ secret: true }),
);

/** Headers that the watchdog or the connection sets. */
const RESERVED = /^(webhook-.*|content-type|content-length|transfer-encoding|connection|host)$/;

const header = v.pipe(
  v.string("a text without line breaks"),
  v.check((value) => isHeader("x-name", value), "a text without line breaks"),
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

const oneKey = v.pipe(v.string("a text"), v.minLength(1, "a text of at least 1 character"));
const keys = v.pipe(v.array(oneKey, "a text, or a list of them"), v.minLength(1, "at least one text"));

/** The settings of a receiver besides its URL. */
const receiverEntries = {
  secret: help(
    "Signs the alerts (Standard Webhooks); several during a rotation.",
    v.optional(
      v.pipe(
        oneOrMany(signingSecret, ACCEPTED_SECRET),
        v.transform((lists) => lists.flat()),
        v.metadata({ secret: true }),
      ),
    ),
  ),
  format: help(
    "The form of the body.",
    v.optional(v.picklist(["alert", "cloudevents"], '"alert" or "cloudevents"')),
  ),
  jsonKey: help(
    "The body is an object with the message under this key, or under each of several.",
    v.optional(choice([oneKey, keys], (input) => (Array.isArray(input) ? keys : oneKey))),
  ),
  headers: help("Further headers of the request.", v.optional(v.record(headerName, header))),
  ...sinkSettings,
};

function oneShape<T extends { format?: WebhookFormat; jsonKey?: string | string[] }>() {
  return v.check<T, string>(
    ({ format, jsonKey }) => jsonKey === undefined || format !== "cloudevents",
    'either jsonKey or format "cloudevents", not both: they are two shapes of one body',
  );
}

const urls = v.pipe(oneOrMany(urlOfReceiver, "at least one URL"), v.metadata({ secret: true }));

/**
 * `url` (one or several) with shared settings, `receivers` with settings of their own, or both. The shared settings
 * do not apply to `receivers`: a token in a header must not reach another host.
 */
export const webhookOptions = v.pipe(
  v.strictObject({
    url: help("The address of the receiver, or a list of them.", v.optional(urls)),
    ...receiverEntries,
    receivers: help(
      "Receivers with settings of their own.",
      v.optional(
        v.pipe(
          v.array(v.pipe(v.strictObject({ url: urlOfReceiver, ...receiverEntries }), oneShape()), "a list"),
          v.minLength(1, "at least one receiver"),
        ),
      ),
    ),
  }),
  oneShape(),
  v.forward(
    v.check(
      ({ url, receivers, ...shared }) =>
        url !== undefined || (receivers !== undefined && Object.keys(shared).length === 0),
      'a URL or a list of them: it may be left out if there are "receivers" and no other setting needs it',
    ),
    ["url"],
  ),
  v.transform(({ url = [], receivers = [], ...shared }): WebhookReceiver[] =>
    [...url.map((one) => ({ ...shared, url: one })), ...receivers].map((one) => ({
      ...one,
      secret: one.secret ?? [],
      format: one.format ?? "alert",
      headers: one.headers ?? {},
    })),
  ),
  v.check((all) => new Set(all.map(({ url }) => url)).size === all.length, "every URL once"),
) satisfies v.GenericSchema<unknown, WebhookReceiver[]>;

function isHeader(name: string, value: string): boolean {
  try {
    new Headers([[name, value]]);
    return true;
  } catch {
    return false;
  }
}
