/** What a body must be like, over a real server, and in pieces of every size. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { bodyFault } from "../../plugins/http/body.ts";
import { stepsOf, valueAt } from "../../plugins/http/json-path.ts";
import { type BodyConditions, httpServiceOptions } from "../../plugins/http/settings.ts";
import { answer, says, serve } from "./hostile-servers.ts";
import { ask, httpCheck } from "./http-check.ts";

const KIB_64 = 64 * 1024;
const unhealthy =
  '{"status":"unhealthy","components":{"db":{"status":"down","tries":3}},"checks":[{"ok":true}]}';
const json = (path: string, equals: string | number | boolean | null) => ({ bodyJson: { path, equals } });
const padded = (length: number, text = unhealthy) => " ".repeat(length - text.length) + text;

const CASES: [name: string, body: string, conditions: BodyConditions, fault: string | undefined][] = [
  ["a value that is right", unhealthy, json("status", "unhealthy"), undefined],
  [
    "a value that is wrong",
    unhealthy,
    json("status", "healthy"),
    '"status" in the body is "unhealthy", not "healthy"',
  ],
  [
    "a value further down",
    unhealthy,
    json("components.db.status", "up"),
    '"components.db.status" in the body is "down", not "up"',
  ],
  ["a number", unhealthy, json("components.db.tries", 3), undefined],
  [
    "a number that is a text",
    unhealthy,
    json("components.db.tries", "3"),
    '"components.db.tries" in the body is 3, not "3"',
  ],
  ["a truth in a list", unhealthy, json("checks[0].ok", true), undefined],
  ["nothing, spelt out", '{"error":null}', json("error", null), undefined],
  [
    "an error where there should be none",
    '{"error":5}',
    json("error", null),
    '"error" in the body is 5, not null',
  ],
  [
    "a path that leads nowhere",
    unhealthy,
    json("components.cache.status", "up"),
    'body has no "components.cache.status"',
  ],
  ["a path past a list's end", unhealthy, json("checks[1].ok", true), 'body has no "checks[1].ok"'],
  ["an index of an object", unhealthy, json("components[0]", true), 'body has no "components[0]"'],
  [
    "what every object inherits",
    unhealthy,
    json("constructor.name", "Object"),
    'body has no "constructor.name"',
  ],
  ["a list's length", unhealthy, json("checks.length", 1), 'body has no "checks.length"'],
  ["an own __proto__", '{"__proto__":1}', json("__proto__", 1), undefined],
  [
    "an object where a text should be",
    unhealthy,
    json("components", "up"),
    '"components" in the body is {"db":{"status":"down","tries":3}}, not "up"',
  ],
  [
    "a long and hostile value",
    JSON.stringify({ status: `\u001b[31m\u202e${"x".repeat(500)}` }),
    json("status", "up"),
    `"status" in the body is "[31m ${"x".repeat(55)}…", not "up"`,
  ],
  ["a page where JSON should be", "<h1>Hi</h1>", json("status", "up"), 'body is not JSON: "<h1>Hi</h1>"'],
  [
    "JSON that is cut off",
    unhealthy.slice(0, -1),
    json("status", "unhealthy"),
    `body is not JSON: ${JSON.stringify(`${unhealthy.slice(0, 60)}…`)}`,
  ],
  ["no body", "", json("status", "up"), "body is empty, and should be JSON"],
  ["a byte order mark", `\ufeff${unhealthy}`, json("status", "unhealthy"), undefined],
  ["JSON of just 64 KiB", padded(KIB_64), json("status", "unhealthy"), undefined],
  [
    "JSON of more than 64 KiB",
    padded(KIB_64 + 1),
    json("status", "unhealthy"),
    'body is over 64 KiB, too long to look for "status" in it',
  ],
  ["an excluded text", unhealthy, { bodyExcludes: ["unhealthy"] }, 'body contains "unhealthy"'],
  ["the second of two", unhealthy, { bodyExcludes: ["fatal", '"down"'] }, 'body contains "\\"down\\""'],
  ["none of two", unhealthy, { bodyExcludes: ["fatal", "error"] }, undefined],
  ["an excluded text past 64 KiB", padded(KIB_64 + unhealthy.length), { bodyExcludes: ["down"] }, undefined],
  ["an excluded text in no body", "", { bodyExcludes: ["down"] }, undefined],
  ["an included text", unhealthy, { bodyIncludes: "down" }, undefined],
  [
    "an included text past 64 KiB",
    padded(KIB_64 + unhealthy.length),
    { bodyIncludes: "down" },
    'body does not contain "down" in its first 64 KiB',
  ],
  ["text in another script", "zdrów ✓", { bodyIncludes: "✓", bodyExcludes: ["chory"] }, undefined],
  [
    "all three, of which one fails",
    unhealthy,
    { bodyIncludes: "status", bodyExcludes: ["fatal"], ...json("status", "healthy") },
    '"status" in the body is "unhealthy", not "healthy"',
  ],
  [
    "all three, where the excluded one is there",
    unhealthy,
    { bodyIncludes: "healthy", bodyExcludes: ["down"], ...json("status", "unhealthy") },
    'body contains "down"',
  ],
];

const check = await httpCheck();

for (const [name, body, conditions, fault] of CASES) {
  test(`${name}: ${fault ?? "passes"}`, async () => {
    const server = await serve(says(answer("200 OK", body)));
    try {
      const { result } = await ask(check, server.url, { timeoutMs: 5000, options: conditions });
      assert.equal(result.ok, fault === undefined, result.reason);
      if (fault === undefined) assert.match(result.reason, /^HTTP 200 in \d+ ms$/);
      else assert.equal(result.reason, fault);
    } finally {
      await server.close();
    }
  });
}

function inPieces(...pieces: Uint8Array[]) {
  const body = (async function* () {
    yield* pieces;
  })();
  return Object.assign(body, { cancel: async () => {} });
}

test("however a body is cut into pieces, the verdict is the same", async () => {
  const short = CASES.filter(([, body]) => body.length < 1000);
  for (const [name, body, conditions, fault] of short) {
    const bytes = Buffer.from(body);
    const single = [...bytes].map((byte) => Uint8Array.of(byte));
    assert.equal(await bodyFault(inPieces(...single), conditions), fault, `${name}, byte by byte`);
    for (let at = 0; at <= bytes.length; at++) {
      const pieces = [bytes.subarray(0, at), bytes.subarray(at)];
      assert.equal(await bodyFault(inPieces(...pieces), conditions), fault, `${name}, cut at ${at}`);
    }
  }
});

test("a body that never ends is read to the end of 64 KiB and no further", async () => {
  for (const conditions of [json("status", "up"), { bodyExcludes: ["down"] }, { bodyIncludes: "up" }]) {
    let given = 0;
    const endless = (async function* () {
      for (;;) {
        given += 1000;
        yield new Uint8Array(1000).fill(120);
      }
    })();
    await bodyFault(Object.assign(endless, { cancel: async () => {} }), conditions);
    assert.ok(given <= KIB_64 + 2000, `${given} bytes were read`);
  }
});

test("an answer with the wrong status is a failure whatever is in it", async () => {
  const server = await serve(says(answer("503 Busy", unhealthy)));
  try {
    const { result } = await ask(check, server.url, {
      timeoutMs: 5000,
      options: json("status", "unhealthy"),
    });
    assert.match(result.reason, /^HTTP 503 in/);
  } finally {
    await server.close();
  }
});

test("a path is names and indexes", () => {
  assert.deepEqual(stepsOf("components.db:time[0][12].status"), ["components", "db:time", 0, 12, "status"]);
  assert.deepEqual(stepsOf("[0]"), [0]);
  for (const wrong of ["", ".", "a.", ".a", "a..b", "a[", "a]", "a[]", "a[x]", "a[0]b", "a[-1]", "a.[0]"]) {
    assert.equal(stepsOf(wrong), undefined, wrong);
  }
  assert.equal(valueAt({ a: [{ b: 0 }] }, "a[0].b"), 0);
});

test("the settings accept what is documented", () => {
  const read = (options: object) => v.parse(httpServiceOptions, options);
  assert.deepEqual(read({ bodyExcludes: "down" }).bodyExcludes, ["down"]);
  assert.deepEqual(read({ bodyExcludes: ["a", "b"] }).bodyExcludes, ["a", "b"]);
  for (const equals of ["healthy", "", 0, 1.5, true, false, null]) {
    assert.deepEqual(read({ bodyJson: { path: "status", equals } }).bodyJson, { path: "status", equals });
  }
});

test("a wrong condition says what is accepted, at its path", () => {
  const cases: [object, string, RegExp][] = [
    [{ bodyIncludes: 5 }, "bodyIncludes", /must contain/],
    [{ bodyIncludes: "x".repeat(1001) }, "bodyIncludes", /1 to 1000 characters/],
    [{ bodyExcludes: "" }, "bodyExcludes", /must not contain/],
    [{ bodyExcludes: [] }, "bodyExcludes", /must not contain/],
    [{ bodyExcludes: ["a", 5] }, "bodyExcludes", /must not contain/],
    [{ bodyJson: "healthy" }, "bodyJson", /an object such as/],
    [{ bodyJson: { path: "a..b", equals: 1 } }, "bodyJson.path", /the path of a value, such as "status"/],
    [{ bodyJson: { path: "", equals: 1 } }, "bodyJson.path", /the path of a value/],
    [{ bodyJson: { path: "a", equals: [1] } }, "bodyJson.equals", /a text .*, a number, true, false or null/],
    [{ bodyJson: { path: "a", equals: Number.NaN } }, "bodyJson.equals", /a number/],
    [{ bodyJson: { path: "a", equals: Number.POSITIVE_INFINITY } }, "bodyJson.equals", /a number/],
    [{ bodyJson: { path: "a" } }, "bodyJson.equals", /./],
    [{ bodyJson: { path: "a", equals: 1, is: 2 } }, "bodyJson.is", /./],
    [{ bodyJson: { path: "a", equals: 1 }, method: "HEAD" }, "bodyJson", /no bodyJson .*HEAD/],
    [{ bodyExcludes: "a", method: "HEAD" }, "bodyExcludes", /no bodyExcludes .*HEAD/],
  ];
  for (const [input, path, accepted] of cases) {
    const { issues } = v.safeParse(httpServiceOptions, input);
    assert.equal(issues?.length, 1, JSON.stringify([input, issues?.map(({ message }) => message)]));
    assert.equal(v.getDotPath(issues![0]), path);
    assert.match(issues![0].message, accepted);
  }
});
