/** A check that failed says in a type how far it came: no name, no way, no connection; or as far as the service. */
import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { test } from "node:test";
import { createLeanFetch } from "../../plugins/http/lean-fetch.ts";
import { type Ask, probe } from "../../plugins/http/probe.ts";
import { faultOf } from "../../plugins/http/reasons.ts";
import { createAlarms } from "../../plugins/network/alarms.ts";
import { createLookup } from "../../plugins/network/lookup.ts";
import type { CheckFault, CheckResult } from "../../src/plugin.ts";
import { answer, answersAfter, freePort, hangsUp, neverAnswers, says, serve } from "./hostile-servers.ts";
import { ask, httpCheck, realClock } from "./http-check.ts";

const ON_DENO = "Deno" in globalThis;
const faultIn = (result: CheckResult) => (result.ok ? "ok" : result.fault);

const ERRORS: [error: object, fault: CheckFault | undefined][] = [
  [{ code: "ENOTFOUND" }, "unresolved"],
  [{ code: "EAI_NODATA" }, "unresolved"],
  [{ code: "EAI_AGAIN" }, "unresolved"],
  [{ code: "EHOSTUNREACH" }, "unrouted"],
  [{ code: "ENETUNREACH" }, "unrouted"],
  [{ code: "ETIMEDOUT" }, "unconnected"],
  [{ code: "ECONNREFUSED" }, undefined],
  [{ code: "ECONNRESET" }, undefined],
  [{ code: "EAI_MEMORY" }, undefined],
  [{ code: "EMFILE" }, undefined],
  [{ code: "CERT_HAS_EXPIRED" }, undefined],
  [
    {
      message:
        "client error (Connect): dns error: failed to lookup address information: Name or service not known",
    },
    "unresolved",
  ],
  [{ message: "client error (Connect): dns error: Temporary failure in name resolution" }, "unresolved"],
  [{ message: "client error (Connect): tcp connect error: No route to host (os error 113)" }, "unrouted"],
  [
    { message: "client error (Connect): tcp connect error: Network is unreachable (os error 101)" },
    "unrouted",
  ],
  [
    { message: "client error (Connect): tcp connect error: Connection timed out (os error 110)" },
    "unconnected",
  ],
  [{ message: "client error (Connect): tcp connect error: Connection refused (os error 111)" }, undefined],
];

for (const [error, fault] of ERRORS) {
  test(`how far it came is known of ${Object.values(error)[0].slice(0, 90)}`, () => {
    const found = faultOf(Object.assign(new Error("[GET] …"), error), "executor");
    assert.equal(found.fault, fault, found.reason);
    if (fault) assert.equal(found.unknown, undefined);
  });
}

test("a name that does not exist is unresolved", async () => {
  const { result } = await ask(await httpCheck(), "http://something.invalid/", { timeoutMs: 5000 });
  assert.equal(faultIn(result), "unresolved", result.reason);
});

for (const [what, behave] of [
  ["one that never answers", neverAnswers],
  ["one that answers too late", answersAfter(600)],
  ["one that hangs up", hangsUp],
  ["one that is not well", says(answer("503 Unavailable"))],
] as const) {
  test(`the service has been reached: ${what}`, async () => {
    const server = await serve(behave);
    const { result } = await ask(await httpCheck(), server.url);
    await server.close();
    assert.deepEqual([result.ok, faultIn(result)], [false, undefined], result.reason);
  });
}

test("a port that nobody listens on has been reached: the machine has answered", async () => {
  const { result } = await ask(await httpCheck(), `http://127.0.0.1:${await freePort()}/`);
  assert.deepEqual([result.ok, faultIn(result)], [false, undefined], result.reason);
});

/** A probe whose connection never comes about, while its name is or is not being looked up. */
async function hanging(isResolving: boolean): Promise<CheckResult> {
  const alarms = createAlarms(realClock);
  const never = () => new Promise<LookupAddress[]>(() => {});
  const fetching = createLeanFetch(createLookup(alarms, never, never));
  const service = {
    name: "x",
    displayName: "X",
    url: "http://executor/",
    container: "",
    timeoutMs: 100,
    options: {},
  };
  const options = { status: [[200, 200]], method: "GET", headers: {} } as unknown as Parameters<
    typeof probe
  >[1];
  const raw: Ask = (url, init) =>
    fetching(url, { signal: init.signal, method: init.method, onAsked: init.onAsked });
  const world = { ask: raw, clock: realClock, alarms, isResolving: () => isResolving };
  return probe(service, options, new AbortController().signal, world);
}

test("without a connection at the deadline, it says whether the name or the way was missing", {
  skip: ON_DENO,
}, async () => {
  assert.deepEqual(await hanging(true), {
    ok: false,
    reason: "host executor not resolved in 100 ms",
    fault: "unresolved",
  });
  assert.deepEqual(await hanging(false), { ok: false, reason: "no answer in 100 ms", fault: "unconnected" });
});
