import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { test } from "node:test";
import * as v from "valibot";
import { createLeanFetch } from "../../plugins/http/lean-fetch.ts";
import { faultOf } from "../../plugins/http/reasons.ts";
import { httpOptions, httpServiceOptions } from "../../plugins/http/settings.ts";
import { createAlarms } from "../../plugins/network/alarms.ts";
import { addressesIn, createLookup } from "../../plugins/network/lookup.ts";
import { foreign } from "../../plugins/network/reasons.ts";
import { answer, says, serve } from "./hostile-servers.ts";
import { realClock } from "./http-check.ts";

const alarms = createAlarms(realClock);
const address = [{ address: "127.0.0.1", family: 4 }];
const hangs = () => new Promise<LookupAddress[]>(() => {});
const unknown = () =>
  Promise.reject(Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" }));

function found(lookup: ReturnType<typeof createLookup>, name: string): Promise<unknown> {
  return new Promise((resolve) => {
    lookup.lookup(name, { all: true }, (error, addresses) => resolve(error?.code ?? addresses));
  });
}

test("a name that the system cannot look up is asked of the name servers", async () => {
  const lookup = createLookup(alarms, hangs, async () => address);
  const asked = found(lookup, "executor");
  assert.equal(lookup.isPending("executor"), true);
  assert.deepEqual(await asked, address);
  assert.equal(lookup.isPending("executor"), false);
});

test("only the system may say that a name is unknown", async () => {
  let answer = (_: LookupAddress[]) => {};
  const slow = () => new Promise<LookupAddress[]>((resolve) => (answer = resolve));
  const around = async () => {
    queueMicrotask(() => answer(address));
    throw new Error("no such name");
  };
  assert.deepEqual(await found(createLookup(alarms, slow, around), "executor"), address);
  assert.equal(
    await found(
      createLookup(alarms, unknown, async () => address),
      "executor",
    ),
    "ENOTFOUND",
  );
});

test("a name that hangs is asked of the system once, however many wait for it", async () => {
  let asked = 0;
  const counted = () => {
    asked++;
    return hangs();
  };
  const lookup = createLookup(alarms, counted, async () => address);
  await Promise.all([found(lookup, "a"), found(lookup, "a")]);
  await found(lookup, "a");
  assert.equal(asked, 1, "every further one would take a thread of the two that there are");
});

test("a name's other address is tried when the first refuses", async (t) => {
  if ("Deno" in globalThis) return t.skip("Deno's own fetch looks names up by itself");
  const server = await serve(says(answer("200 OK")), "127.0.0.1");
  try {
    const both = [{ address: "::1", family: 6 }, ...address];
    const leanFetch = createLeanFetch(createLookup(alarms, async () => both));
    const { status, body } = await leanFetch(`http://both.test:${server.port}/`, {
      signal: AbortSignal.timeout(3000),
    });
    await body?.cancel();
    assert.equal(status, 200);
  } finally {
    await server.close();
  }
});

test("a hosts file gives a name its addresses", () => {
  const hosts = "127.0.0.1 localhost # executor\n::1\tlocalhost ip6\n10.0.0.5 Executor\n";
  assert.deepEqual(addressesIn(hosts, "executor"), [{ address: "10.0.0.5", family: 4 }]);
  assert.deepEqual(
    addressesIn(hosts, "localhost").map(({ family }) => family),
    [4, 6],
  );
});

const coded = (code: string, message = code) => Object.assign(new Error(message), { code });
const wrapped = (cause: Error) => new Error("[GET] …", { cause: new TypeError("fetch failed", { cause }) });

test("want of a socket is not the service's fault", () => {
  const shortages = [
    coded("EMFILE"),
    coded("EADDRNOTAVAIL"),
    coded("ENOBUFS"),
    coded("EAI_MEMORY"),
    new Error("client error (Connect): tcp open error: Too many open files (os error 24)"),
    new AggregateError([coded("ECONNREFUSED"), coded("EMFILE")]),
  ];
  for (const error of shortages) assert.equal(faultOf(wrapped(error), "x").unknown, true, error.message);
});

test("errors of the service are failures with a reason for people", () => {
  const cases: [Error, string][] = [
    [coded("ECONNREFUSED"), "connection refused"],
    [new AggregateError([coded("EADDRNOTAVAIL"), coded("ECONNREFUSED")]), "connection refused"],
    [coded("ENOTFOUND"), "unknown host executor"],
    [coded("ECONNRESET", "socket hang up"), "connection closed before an answer"],
    [coded("CERT_HAS_EXPIRED", "EMFILE"), "certificate has expired"],
    [coded("HPE_INVALID_CONSTANT"), "malformed HTTP answer"],
    [coded("HPE_HEADER_OVERFLOW"), "headers over 16 KiB"],
    [
      new Error("client error (Connect): invalid peer certificate: certificate expired"),
      "certificate has expired",
    ],
    [coded("EWHATEVER", "odd\u0007"), "request failed: odd (EWHATEVER)"],
  ];
  for (const [error, reason] of cases) {
    const fault = faultOf(wrapped(error), "executor");
    assert.deepEqual([fault.reason, fault.unknown], [reason, undefined]);
  }
});

test("what the other side words is cut and harmless", () => {
  assert.equal(foreign("a\r\n\u001b[31mb\u202ec"), "a [31mb c");
  assert.equal(foreign("x".repeat(500)).length, 121);
});

test("settings have the seed's defaults", () => {
  assert.deepEqual(v.parse(httpOptions, {}), { maxInFlight: 256 });
  assert.deepEqual(v.parse(httpServiceOptions, {}), { status: [[200, 200]], method: "GET", headers: {} });
  const { status } = v.parse(httpServiceOptions, { status: [200, "204", "300-399"] });
  assert.deepEqual(status, [
    [200, 200],
    [204, 204],
    [300, 399],
  ]);
});

test("a wrong setting says what is accepted, at its path", () => {
  const cases: [object, string, RegExp][] = [
    [{ status: 99 }, "status", /a status from 100 to 599/],
    [{ status: "299-200" }, "status", /a range such as "200-299"/],
    [{ status: [] }, "status", /a list/],
    [{ method: "DELETE" }, "method", /one of "GET"/],
    [{ headers: { "x y": "1" } }, "headers.x y", /a header's name/],
    [{ headers: { Connection: "close" } }, "headers.Connection", /none of connection/],
    [{ headers: { a: "1\r\nb: 2" } }, "headers.a", /one line/],
    [{ bodyIncludes: "" }, "bodyIncludes", /1 to 1000 characters/],
    [{ bodyIncludes: "ok", method: "HEAD" }, "bodyIncludes", /no body/],
    [{ bodyContains: "ok" }, "bodyContains", /./],
  ];
  for (const [input, path, accepted] of cases) {
    const { issues } = v.safeParse(httpServiceOptions, input);
    assert.equal(issues?.length, 1, JSON.stringify(input));
    assert.equal(v.getDotPath(issues![0]), path);
    assert.match(issues![0].message, accepted);
  }
  assert.equal(v.safeParse(httpOptions, { maxInFlight: 0 }).success, false);
});
