import * as v from "valibot";
import { help, wholeNumber } from "../../src/plugin.ts";
import { stepsOf } from "./json-path.ts";

/** `plugins.http` */
export interface HttpOptions {
  /**
   * Checks at once; by default fewer if few files may be open. A hanging check gives up its place after 100 ms, up to
   * 8 times as many.
   */
  maxInFlight: number;
}

export const httpOptions = v.strictObject({
  maxInFlight: help(
    "How many checks over the network may be in flight at once, those of tcp included.",
    v.optional(wholeNumber(1, 10_000, ": how many checks may be in flight at once"), 256),
  ),
});

/** First and last status that pass, both included. */
export type StatusRange = readonly [from: number, to: number];

/** What the body must match. Its first 64 KiB are read, and only if one of these settings is there. */
export interface BodyConditions {
  bodyIncludes?: string;
  /** Texts that must not occur in it. */
  bodyExcludes?: readonly string[];
  /** The value that must be at `path`. A body that is not JSON, or is longer than 64 KiB, fails. */
  bodyJson?: { path: string; equals: string | number | boolean | null };
}

/** `services.<service>.http`, checked. */
export interface HttpServiceOptions extends BodyConditions {
  status: readonly StatusRange[];
  method: "GET" | "HEAD" | "OPTIONS" | "POST";
  /** By name in lower case. */
  headers: Readonly<Record<string, string>>;
}

/** The defaults: GET must answer exactly 200. */
export const DEFAULT_SERVICE_OPTIONS: HttpServiceOptions = {
  status: [[200, 200]],
  method: "GET",
  headers: {},
};

/** Reads 200, "200", "200-299", or a list of these; `undefined` for anything else. */
function parseStatus(value: unknown): StatusRange[] | undefined {
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

const STATUS = 'a status from 100 to 599, a range such as "200-299", or a list of these';
const statusOrRange = v.union([v.number(STATUS), v.string(STATUS)], STATUS);
const status = v.pipe(
  v.union([statusOrRange, v.array(statusOrRange, STATUS)], STATUS),
  v.check((value) => parseStatus(value) !== undefined, STATUS),
  v.transform((value) => parseStatus(value)!),
);

/** Headers about the use of the connection: the check sets these itself, the same on every runtime. */
const OWN_HEADERS = ["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"];

const headerName = v.pipe(
  v.string("a header's name"),
  v.check(
    (name) => /^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/i.test(name) && !OWN_HEADERS.includes(name.toLowerCase()),
    `a header's name (letters, digits, "-"), but none of ${OWN_HEADERS.join(", ")}`,
  ),
);

/** A header may contain a token, so its value is never shown. */
const ACCEPTED_HEADER = "a text of one line, at most 8192 characters";
const headerValue = v.pipe(
  v.string(ACCEPTED_HEADER),
  v.maxLength(8192, ACCEPTED_HEADER),
  v.regex(/^[\t\x20-\x7e\x80-\xff]*$/, ACCEPTED_HEADER),
  v.metadata({ secret: true }),
);

const HOST = /^(?:[a-z0-9_][a-z0-9._-]{0,252}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

const headers = v.pipe(
  v.record(headerName, headerValue, 'an object of headers, { "name": "value" }'),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed || dataset.issues) return;
    const input = dataset.value;
    for (const [key, value] of Object.entries(input)) {
      if (key.toLowerCase() !== "host" || HOST.test(value)) continue;
      addIssue({
        message:
          'a host name as a browser sends it: "app.example.com", or with a port "app.example.com:8443"',
        path: [{ type: "object", origin: "value", input, key, value }],
      });
    }
  }),
  // Deno would send two spellings of one name as two headers.
  v.transform((all) =>
    Object.fromEntries(Object.entries(all).map(([name, value]) => [name.toLowerCase(), value])),
  ),
);

const MAX_TEXT = 1000;
const text = (accepted: string) =>
  v.pipe(v.string(accepted), v.minLength(1, accepted), v.maxLength(MAX_TEXT, accepted));

const INCLUDED = `a text of 1 to ${MAX_TEXT} characters that the first 64 KiB of the body must contain`;
const EXCLUDED = `a text of 1 to ${MAX_TEXT} characters, or a list of them, that the first 64 KiB of the body must not contain`;
const excluded = v.pipe(
  v.union([text(EXCLUDED), v.pipe(v.array(text(EXCLUDED)), v.minLength(1, EXCLUDED))], EXCLUDED),
  v.transform((texts) => [texts].flat()),
);

const PATH = 'the path of a value, such as "status", "components.db.status" or "checks[0].state"';
const SCALAR = `a text of at most ${MAX_TEXT} characters, a number, true, false or null`;
const json = v.strictObject(
  {
    path: v.pipe(
      v.string(PATH),
      v.check((path) => path.length <= MAX_TEXT && stepsOf(path) !== undefined, PATH),
    ),
    equals: v.union(
      [
        v.pipe(v.string(), v.maxLength(MAX_TEXT, SCALAR)),
        v.pipe(v.number(), v.finite(SCALAR)),
        v.boolean(),
        v.null(),
      ],
      SCALAR,
    ),
  },
  'an object such as { "path": "status", "equals": "healthy" }',
);

const BODY_CONDITIONS = ["bodyIncludes", "bodyExcludes", "bodyJson"] as const;

export const httpServiceOptions = v.pipe(
  v.strictObject({
    status: help("The statuses that pass.", v.optional(status, 200)),
    method: help(
      "The method of the request.",
      v.optional(
        v.picklist(["GET", "HEAD", "OPTIONS", "POST"], 'one of "GET", "HEAD", "OPTIONS", "POST"'),
        "GET",
      ),
    ),
    headers: help("Headers of the request.", v.optional(headers, {})),
    bodyIncludes: help("A text that the body must contain.", v.optional(text(INCLUDED))),
    bodyExcludes: help("Texts that the body must not contain.", v.optional(excluded)),
    bodyJson: help("A value that the body, as JSON, must have at a path.", v.optional(json)),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed || dataset.value.method !== "HEAD") return;
    const input = dataset.value;
    for (const key of BODY_CONDITIONS) {
      if (input[key] === undefined) continue;
      addIssue({
        message: `no ${key} with the method HEAD, whose answer has no body`,
        path: [{ type: "object", origin: "value", input, key, value: input[key] }],
      });
    }
  }),
);
