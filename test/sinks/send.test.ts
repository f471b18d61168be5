import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { after, before, describe, test } from "node:test";
import { ANSWER_LIMIT_BYTES, deliver } from "../../src/delivery/send.ts";
import { classifyStatus } from "../../src/plugin/sink.ts";
import type { Alert, Clock, Delivery, HttpSink, Sink, SinkRequest, SinkResponse } from "../../src/plugin.ts";
import { DOWN } from "./alerts.ts";
import { REAL_PORTS, realClock } from "./contract.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

const SECRET = "planted-secret-1234";

describe("one attempt at a sink", () => {
  let receiver: Receiver;
  before(async () => {
    receiver = await startReceiver();
  });
  after(() => receiver.close());

  const sinkWith = (parts: Partial<HttpSink>): HttpSink => ({
    name: "custom",
    target: "somewhere",
    format: (alert: Alert) => ({
      url: `${receiver.url}/${SECRET}`,
      method: "POST",
      headers: { "X-Token": `Bearer ${SECRET}` },
      body: JSON.stringify(alert),
    }),
    classify: (response) => classifyStatus(response, 0),
    ...parts,
  });
  const fail = () => {
    throw new Error(`broken at https://example.com/${SECRET}?x=1`);
  };

  test("names the sink whose format, sign or classify throws, rejects the alert and keeps its secret", async () => {
    receiver.answers({ status: 200 });
    const broken = { format: fail, sign: async () => fail(), classify: fail };
    for (const [part, replacement] of Object.entries(broken)) {
      const delivery = await deliver(sinkWith({ [part]: replacement }), DOWN, REAL_PORTS);
      assert.equal(delivery.outcome, "rejected", part);
      assert.match(
        delivery.reason,
        /^sink "custom" could not .*: Error: broken at https:\/\/example\.com\/?\[redacted\]\?\[redacted\]$/,
      );
    }
  });

  test("rejects a request that cannot be sent: a bad URL, a bad header", async () => {
    const request = { url: receiver.url, method: "POST", headers: {}, body: "" } as const;
    for (const wrong of [{ url: SECRET }, { headers: { a: `${SECRET}\nb` } }]) {
      const delivery = await deliver(
        sinkWith({ format: () => ({ ...request, ...wrong }) }),
        DOWN,
        REAL_PORTS,
      );
      assert.equal(delivery.outcome, "rejected");
      assert.match(delivery.reason, /^sink "custom" could not prepare the alert: /);
      assert.ok(!delivery.reason.includes(SECRET), delivery.reason);
    }
  });

  test("words the alert by the sink's own templates, and signs what it sends", async () => {
    receiver.answers({ status: 200 });
    const signed: string[] = [];
    const settings = { title: "{component}!", message: "{{x}} {message} [{hint}]" };
    const sign: HttpSink["sign"] = async (_, { body }) => {
      signed.push(body);
      return {};
    };
    await deliver(sinkWith({ settings, sign }), DOWN, REAL_PORTS);
    const { body } = receiver.received[0]!;
    const message = `{x} ${DOWN.message} [${DOWN.params.hint}]`;
    assert.deepEqual(JSON.parse(body.toString()), { ...DOWN, title: "executor!", message });
    assert.deepEqual(signed, [body.toString()]);
  });

  test("gives all members of a cluster the same, and is delivered when one took it", async () => {
    const other = await startReceiver();
    const format = (): SinkRequest => ({
      url: `${receiver.url}/${SECRET}`,
      alsoTo: [`${other.url}/${SECRET}`],
      method: "POST",
      headers: {},
      body: "the same",
    });
    for (const [first, second, outcome, reason] of [
      [200, 200, "delivered", "HTTP 200"],
      [200, 503, "delivered", `HTTP 200 (${other.url}: HTTP 503)`],
      [400, 202, "delivered", `HTTP 202 (${receiver.url}: HTTP 400)`],
      [400, 503, "retry", `HTTP 503 (${receiver.url}: HTTP 400)`],
      [410, 400, "rejected", `HTTP 410: the receiver is gone (${other.url}: HTTP 400)`],
    ] as const) {
      receiver.answers({ status: first });
      other.answers({ status: second });
      const delivery = await deliver(sinkWith({ format }), DOWN, REAL_PORTS);
      assert.deepEqual([delivery.outcome, delivery.reason], [outcome, reason]);
      for (const { received } of [receiver, other]) assert.equal(received[0]!.body.toString(), "the same");
    }
    await other.close();
  });

  test("does not wait for a member that hangs until the attempt is late", async () => {
    const hanging = await startReceiver();
    hanging.answers({ play: "silent" });
    receiver.answers({ status: 200 });
    const waits: number[] = [];
    const clock: Clock = {
      ...realClock,
      wait(ms, signal) {
        waits.push(ms);
        return realClock.wait(ms === 3000 ? 50 : ms, signal);
      },
    };
    const url = `${hanging.url}/${SECRET}`;
    const format = () => ({ ...sinkWith({}).format(DOWN), url, alsoTo: [`${receiver.url}/`] });
    const delivery = await deliver(sinkWith({ format }), DOWN, { ...REAL_PORTS, clock });
    await hanging.close();
    assert.deepEqual(delivery, { outcome: "delivered", reason: `HTTP 200 (${hanging.url}: no answer yet)` });
    assert.ok(waits.includes(3000));
  });

  test("rejects an answer of classify that is no outcome", async () => {
    receiver.answers({ status: 200 });
    for (const nonsense of [undefined, null, {}, { outcome: "perhaps", reason: "" }]) {
      const delivery = await deliver(sinkWith({ classify: () => nonsense as Delivery }), DOWN, REAL_PORTS);
      assert.equal(delivery.outcome, "rejected");
      assert.match(delivery.reason, /sink "custom" gave no outcome/);
    }
  });

  test("hides what a receiver echoes of the address and the headers", async () => {
    receiver.answers({ status: 400, body: `no such hook /${SECRET}, token ${SECRET}` });
    const classify = ({ status, body }: SinkResponse): Delivery => ({
      outcome: "rejected",
      reason: `HTTP ${status}: ${body}`,
    });
    const delivery = await deliver(sinkWith({ classify }), DOWN, REAL_PORTS);
    assert.equal(delivery.reason, "HTTP 400: no such hook [redacted], token [redacted]");
  });

  test("gives classify lower-case header names and at most 64 KiB of whole characters", async () => {
    receiver.answers({ status: 200, headers: { "X-Answer": "Yes" }, body: `a${"é".repeat(60_000)}` });
    let seen: SinkResponse | undefined;
    const classify = (response: SinkResponse): Delivery => {
      seen = response;
      return { outcome: "delivered", reason: "ok" };
    };
    await deliver(sinkWith({ classify }), DOWN, REAL_PORTS);
    assert.equal(seen!.headers["x-answer"], "Yes");
    assert.equal(seen!.body, `a${"é".repeat((ANSWER_LIMIT_BYTES - 2) / 2)}`);
  });

  test("signs with whole seconds, and its headers win over those of the request", async () => {
    receiver.answers({ status: 200 });
    const sign: HttpSink["sign"] = async (_alert, _request, timestampS) => ({
      "x-token": `at ${timestampS}`,
    });
    const clock = { ...realClock, now: () => 1_700_000_000_900 };
    await deliver(sinkWith({ sign }), DOWN, { ...REAL_PORTS, clock });
    assert.equal(receiver.received[0]!.headers["x-token"], "at 1700000000");
  });

  test("ends at once, to be tried again, when the watchdog stops; and listens no longer after", async () => {
    receiver.answers({ play: "silent" });
    const stop = new AbortController();
    const delivering = deliver(sinkWith({}), DOWN, REAL_PORTS, stop.signal);
    stop.abort();
    const stopped = { outcome: "retry", reason: "stopped before an answer came", calledOff: true };
    assert.deepEqual(await delivering, stopped);
    assert.deepEqual(await deliver(sinkWith({}), DOWN, REAL_PORTS, stop.signal), stopped);
    assert.equal(getEventListeners(stop.signal, "abort").length, 0);
  });

  test("sends no body with a GET", async () => {
    receiver.answers({ status: 200 });
    const format = () => ({ url: receiver.url, method: "GET", headers: {}, body: "" }) as const;
    assert.equal((await deliver(sinkWith({ format }), DOWN, REAL_PORTS)).outcome, "delivered");
    assert.equal(receiver.received[0]!.method, "GET");
  });

  test("says what is wrong with an unknown host", async () => {
    const format = () =>
      ({ url: `http://${SECRET}.invalid/`, method: "POST", headers: {}, body: "" }) as const;
    const delivery = await deliver(sinkWith({ format }), DOWN, REAL_PORTS);
    assert.deepEqual(delivery, { outcome: "retry", reason: "unknown host" });
  });
});

describe("one attempt at a sink that delivers by itself", () => {
  const sinkOf = (deliverBy: (signal: AbortSignal) => Promise<Delivery>): Sink => ({
    name: "direct",
    target: "somewhere",
    deliver: (_alert, signal) => deliverBy(signal),
  });

  test("gives its outcome", async () => {
    const outcome: Delivery = { outcome: "delivered", reason: "1-0" };
    assert.deepEqual(
      await deliver(
        sinkOf(async () => outcome),
        DOWN,
        REAL_PORTS,
      ),
      outcome,
    );
  });

  test("leaves one that hangs at the deadline, and tells it to stop", async () => {
    let given: AbortSignal | undefined;
    const hanging = sinkOf((signal) => {
      given = signal;
      return new Promise(() => {});
    });
    const delivery = await deliver(hanging, DOWN, REAL_PORTS, undefined, { timeoutMs: 100 });
    assert.deepEqual(delivery, { outcome: "retry", reason: "no answer in 0.1 s" });
    assert.equal(given!.aborted, true);
  });

  test("tries one that throws or rejects again, by name and without its secrets", async () => {
    const fault = () => new Error(`cannot reach https://example.com/${SECRET}`);
    const throwing = sinkOf(() => {
      throw fault();
    });
    for (const sink of [throwing, sinkOf(() => Promise.reject(fault()))]) {
      assert.deepEqual(await deliver(sink, DOWN, REAL_PORTS), {
        outcome: "retry",
        reason: 'sink "direct" threw: Error: cannot reach https://example.com/[redacted]',
      });
    }
  });
});

test("a reason is one bounded line without control characters", async () => {
  const reasonOf = async (reason: string) => {
    const deliverBy = async (): Promise<Delivery> => ({ outcome: "retry", reason });
    const sink: Sink = { name: "direct", target: "somewhere", deliver: deliverBy };
    return (await deliver(sink, DOWN, REAL_PORTS)).reason;
  };
  assert.equal(await reasonOf("two\r\nlines \u001b[31mred"), "two lines [31mred");
  assert.equal([...(await reasonOf("🔥".repeat(1000)))].length, 300);
});

test("a Retry-After may be a date, and the longer of header and body counts", () => {
  const nowMs = Date.parse("2026-11-23T18:20:00Z");
  const wait = (header: string, body = "") => {
    const delivery = classifyStatus({ status: 429, headers: { "retry-after": header }, body }, nowMs);
    return delivery.outcome === "retry" ? delivery.retryAfterMs : "not a retry";
  };
  assert.equal(wait("Mon, 23 Nov 2026 18:20:30 GMT"), 30_000);
  assert.equal(wait("Mon, 23 Nov 2026 18:19:30 GMT"), 0);
  assert.equal(wait("5", '{"retry_after":9}'), 9000);
  assert.equal(wait("9", '{"parameters":{"retry_after":5}}'), 9000);
  assert.equal(wait("soon", '{"retry_after":"never"}'), undefined);
  assert.equal(wait("-1", '{"retry_after":'), undefined);
});
