import * as v from "valibot";

/** `plugins.http` */
export interface HttpOptions {
  /** Checks at once. One that hangs yields its place after 100 ms, so up to 8 times as many can be waiting. */
  maxInFlight: number;
}

export const httpOptions = v.strictObject({
  maxInFlight: v.optional(
    v.pipe(
      v.unknown(),
      v.check(
        (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 10_000,
        "a whole number from 1 to 10000: how many checks may be in flight at once",
      ),
      v.transform((value) => value as number),
    ),
    256,
  ),
});

/** First and last status that pass, both included. */
export type StatusRange = readonly [from: number, to: number];

/** `services.<service>.http`, checked. */
export interface HttpServiceOptions {
  status: readonly StatusRange[];
  method: "GET" | "HEAD" | "OPTIONS" | "POST";
  headers: Readonly<Record<string, string>>;
  /** Looked for in the first 64 KiB of the body; the body is not read when absent. */
  bodyIncludes?: string;
}

/** A service that says nothing: GET must answer exactly 200. */
export const DEFAULT_SERVICE_OPTIONS: HttpServiceOptions = {
  status: [[200, 200]],
  method: "GET",
  headers: {},
};

/** Reads 200, "200", "200-299", or a list of these; `undefined` for anything else. */
export function parseStatus(value: unknown): StatusRange[] | undefined {
  const ranges: StatusRange[] = [];
  for (const item of Array.isArray(value) ? value : [value]) {
    const match = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(
      typeof item === "number" || typeof item === "string" ? String(item) : "",
    );
    if (!match) return undefined;
    const range: StatusRange = [Number(match[1]), Number(match[2] ?? match[1])];
    if (range[0] > range[1]) return undefined;
    ranges.push(range);
  }
  return ranges.length > 0 ? ranges : undefined;
}

const status = v.pipe(
  v.unknown(),
  v.check(
    (value) => parseStatus(value) !== undefined,
    'a status from 100 to 599, a range such as "200-299", or a list of these',
  ),
  v.transform((value) => parseStatus(value)!),
);

/** Headers that say how the connection is used: the check decides these, on every runtime alike. */
const OWN_HEADERS = ["connection", "content-length", "host", "keep-alive", "transfer-encoding", "upgrade"];

const headerName = v.pipe(
  v.string("a header's name"),
  v.check(
    (name) => /^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/i.test(name) && !OWN_HEADERS.includes(name.toLowerCase()),
    `a header's name (letters, digits, "-"), but none of ${OWN_HEADERS.join(", ")}`,
  ),
);

/** A header may carry a token, so what was found is never shown. */
const headerValue = v.pipe(
  v.unknown(),
  v.check(
    (value) => typeof value === "string" && value.length <= 8192 && /^[\t\x20-\x7e\x80-\xff]*$/.test(value),
    "a text of one line, at most 8192 characters",
  ),
  v.transform((value) => value as string),
  v.metadata({ secret: true }),
);

export const httpServiceOptions = v.pipe(
  v.strictObject({
    status: v.optional(status, 200),
    method: v.optional(
      v.picklist(["GET", "HEAD", "OPTIONS", "POST"], 'one of "GET", "HEAD", "OPTIONS", "POST"'),
      "GET",
    ),
    headers: v.optional(v.record(headerName, headerValue, 'an object of headers, { "name": "value" }'), {}),
    bodyIncludes: v.optional(
      v.pipe(
        v.unknown(),
        v.check(
          (value) => typeof value === "string" && value.length >= 1 && value.length <= 1000,
          "a text of 1 to 1000 characters that the first 64 KiB of the body must contain",
        ),
        v.transform((value) => value as string),
      ),
    ),
  }),
  v.forward(
    v.check(
      ({ method, bodyIncludes }) => !(method === "HEAD" && bodyIncludes !== undefined),
      "no bodyIncludes with the method HEAD, whose answer has no body",
    ),
    ["bodyIncludes"],
  ),
);
