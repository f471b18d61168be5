import * as v from "valibot";
import { receiverUrl, type SinkSettings, sinkSettings } from "../../src/plugin.ts";
import type { WebhookFormat } from "./body.ts";
import { isSigningSecret } from "./signature.ts";

/** One receiver, its settings checked. */
export interface WebhookReceiver extends SinkSettings {
  url: string;
  /** Several during a rotation; none: alerts go out unsigned. */
  secret: string[];
  format: WebhookFormat;
  /** docker-autoheal's `WEBHOOK_JSON_KEY`: the body is `{"<key>": message}`. */
  jsonKey?: string;
  /** Lower-case names. */
  headers: Record<string, string>;
}

const urlOfReceiver = receiverUrl(
  'an absolute http or https URL, or a list of them; a user name and password go into headers ("authorization")',
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

/** What a receiver takes besides its URL. */
const receiverEntries = {
  secret: v.optional(
    v.pipe(
      v.unknown(),
      v.transform((value): unknown[] =>
        typeof value === "string" ? value.trim().split(/\s+/) : Array.isArray(value) ? value : [value],
      ),
      v.array(signingSecret),
      v.metadata({ secret: true }),
    ),
  ),
  format: v.optional(v.picklist(["alert", "cloudevents"], '"alert" or "cloudevents"')),
  jsonKey: v.optional(v.pipe(v.string("a text"), v.minLength(1, "a text of at least 1 character"))),
  headers: v.optional(v.record(headerName, header)),
  ...sinkSettings,
};

function oneShape<T extends { format?: WebhookFormat; jsonKey?: string }>() {
  return v.check<T, string>(
    ({ format, jsonKey }) => jsonKey === undefined || format !== "cloudevents",
    'either jsonKey or format "cloudevents", not both: they are two shapes of one body',
  );
}

const urls = v.pipe(
  v.unknown(),
  v.transform((value): unknown[] => (Array.isArray(value) ? value : [value])),
  v.array(urlOfReceiver),
  v.minLength(1, "at least one URL"),
  v.metadata({ secret: true }),
);

/**
 * `url` (one or several) with settings that they share, `receivers` with settings of their own, or both.
 * A receiver takes nothing from the shared ones: a token in a header must not reach another host.
 */
export const webhookOptions = v.pipe(
  v.strictObject({
    url: v.optional(urls),
    ...receiverEntries,
    receivers: v.optional(
      v.pipe(
        v.array(v.pipe(v.strictObject({ url: urlOfReceiver, ...receiverEntries }), oneShape()), "a list"),
        v.minLength(1, "at least one receiver"),
      ),
    ),
  }),
  oneShape(),
  v.forward(
    v.check(
      ({ url, receivers, ...shared }) =>
        url !== undefined || (receivers !== undefined && Object.keys(shared).length === 0),
      'a URL or a list of them: beside "receivers" it may be left out, when no other setting belongs to it',
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
