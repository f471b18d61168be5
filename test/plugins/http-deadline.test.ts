/** No check outlives its deadline, or keeps its place, whatever a request does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, type Ask, probe } from "../../plugins/http/probe.ts";
import { DEFAULT_SERVICE_OPTIONS } from "../../plugins/http/settings.ts";
import { createAlarms } from "../../plugins/network/alarms.ts";
import type { CheckResult } from "../../src/plugin.ts";
import { createFakeClock } from "../simulation/clock.ts";
import { answer, says, serve } from "./hostile-servers.ts";
import { httpCheck, ask as run } from "./http-check.ts";

const TIMEOUT_MS = 1000;
const never = new Promise<never>(() => {});
const options = { ...DEFAULT_SERVICE_OPTIONS, bodyIncludes: "ready" };

function answered(body: AsyncIterable<Uint8Array>, cancel: () => Promise<void> = async () => {}): Answer {
  return { status: 200, headers: { get: () => null }, body: Object.assign(body, { cancel }) };
}

/** The next chunk never comes; being told to stop changes nothing. */
const silentBody = (): AsyncIterable<Uint8Array> => ({
  [Symbol.asyncIterator]: () => ({ next: () => never, return: () => never }),
});

function probing(world: { ask: Ask }, signal = new AbortController().signal) {
  const clock = createFakeClock(0);
  const service = { name: "x", displayName: "X", container: "", url: "http://x/", timeoutMs: TIMEOUT_MS };
  const ports = { ...world, clock, alarms: createAlarms(clock), isResolving: () => false };
  let result: CheckResult | undefined;
  void probe({ ...service, options: {} }, options, signal, ports).then((end) => {
    result = end;
  });
  return { clock, result: () => result };
}

const REQUESTS: [name: string, ask: Ask, reason: RegExp][] = [
  ["never ends and ignores its signal", () => never, /^no answer in 1 s$/],
  ["has a body that never ends", async () => answered(silentBody()), /^body not complete in 1 s$/],
];

for (const [name, ask, reason] of REQUESTS) {
  test(`a check ends at its deadline when its request ${name}`, async () => {
    const { clock, result } = probing({ ask });
    await clock.advance(TIMEOUT_MS - 1);
    assert.equal(result(), undefined, "it gets its whole time");
    await clock.advance(2);
    assert.deepEqual(Object.keys(result()!), ["ok", "reason"]);
    assert.equal(result()!.ok, false);
    assert.match(result()!.reason, reason);
  });

  test(`a check ends at once by its signal when its request ${name}`, async () => {
    const stopping = new AbortController();
    const { clock, result } = probing({ ask }, stopping.signal);
    await clock.advance(10);
    stopping.abort("shutting down");
    await clock.settle();
    assert.deepEqual(result(), { ok: false, unknown: true, reason: "check aborted: shutting down" });
  });
}

test("an answer that comes after the deadline changes nothing, and its connection is closed", async () => {
  let cancelled = 0;
  let asked: AbortSignal | undefined;
  let arrive = (_: Answer) => {};
  const late: Ask = (_url, { signal }) => {
    asked = signal;
    return new Promise((resolve) => {
      arrive = resolve;
    });
  };
  const { clock, result } = probing({ ask: late });
  await clock.advance(TIMEOUT_MS + 1);
  assert.equal(asked!.aborted, true, "the request is told to end");
  arrive(answered(silentBody(), async () => void cancelled++));
  await clock.settle();
  assert.match(result()!.reason, /^no answer in 1 s$/);
  assert.equal(cancelled, 1);
});

test("a check that was aborted before it began asks nothing", async () => {
  let asked = 0;
  const counted: Ask = () => {
    asked++;
    return never;
  };
  const { clock, result } = probing({ ask: counted }, AbortSignal.abort("over"));
  await clock.settle();
  assert.equal(asked, 0);
  assert.deepEqual(result(), { ok: false, unknown: true, reason: "check aborted: over" });
});

const UPGRADE = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

test("101 is an answer like another: a failure at once, unless it is expected", async () => {
  const check = await httpCheck(1);
  const server = await serve((socket) => void socket.write(UPGRADE));
  try {
    const plain = await run(check, server.url, { timeoutMs: 10_000 });
    assert.match(plain.result.reason, /^HTTP 101 in \d+ ms$/);
    assert.equal(plain.result.ok, false);
    const expected = await run(check, server.url, { timeoutMs: 10_000, options: { status: [[101, 101]] } });
    assert.match(expected.result.reason, /^HTTP 101 in \d+ ms$/);
    assert.equal(expected.result.ok, true);
    const withBody = { status: [[101, 101]], bodyIncludes: "ready" };
    const body = await run(check, server.url, { timeoutMs: 10_000, options: withBody });
    assert.deepEqual(body.result, { ok: false, reason: 'body does not contain "ready"' });
  } finally {
    await server.close();
  }
});

test("twenty services that answer 101 leave the two places to the healthy one", async () => {
  const check = await httpCheck(2);
  const [switching, healthy] = await Promise.all([
    serve((socket) => void socket.write(UPGRADE)),
    serve(says(answer("200 OK"))),
  ]);
  try {
    for (let round = 0; round < 3; round++) {
      const failing = Array.from({ length: 20 }, () => run(check, switching.url, { timeoutMs: 10_000 }));
      const { result, tookMs } = await run(check, healthy.url, { timeoutMs: 10_000 });
      assert.equal(result.ok, true, result.reason);
      assert.ok(tookMs < 3000, `took ${tookMs} ms`);
      for (const { result } of await Promise.all(failing)) assert.match(result.reason, /^HTTP 101 in/);
    }
  } finally {
    await Promise.all([switching.close(), healthy.close()]);
  }
});
