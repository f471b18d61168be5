import assert from "node:assert/strict";
import { test } from "node:test";
import type { Times, TimesOf } from "../../src/core/times.ts";
import { encodeJson, timesFromText } from "../../src/state/times.ts";

const NOW = Date.UTC(2026, 10, 23, 18, 20, 15, 7);

const timesToText = (value: object, times: Times) => JSON.parse(encodeJson(value, times));

function roundtrip<T extends object>(value: T, times: Times): T {
  const read = timesToText(value, times);
  timesFromText(read, times);
  return read;
}

const text = (ms: unknown) => timesToText({ at: ms }, { at: "time" }).at;

test("only what the table names is a time, whatever it is called", () => {
  const value = { at: NOW, startedAt: NOW, since: NOW, log: [{ at: NOW, text: "x" }], at2: { at: NOW } };
  assert.deepEqual(timesToText(value, { since: "time", log: [{ at: "time" }] }), {
    ...value,
    since: "2026-11-23T18:20:15.007Z",
    log: [{ at: "2026-11-23T18:20:15.007Z", text: "x" }],
  });
});

test("a value comes back as it was, and is not changed itself", () => {
  interface Sample {
    services: Record<string, { lastCheck: { at: number } | null; failures: number; pausedAt?: number }>;
    list: readonly { at: number }[];
    endedAt: number | null;
    reason: string;
  }
  const times: TimesOf<Sample> = {
    services: [{ lastCheck: { at: "time" }, pausedAt: "time" }],
    list: [{ at: "time" }],
    endedAt: "time",
  };
  const value: Sample = {
    services: {
      at: { lastCheck: { at: NOW - 1 }, failures: 3, pausedAt: NOW },
      Flat: { lastCheck: null, failures: 0 },
    },
    list: [{ at: 1 }, { at: NOW }, { at: 0 }],
    endedAt: null,
    reason: "HTTP 503 in 12 ms, at “noon”\n\u2028",
  };
  const before = structuredClone(value);
  assert.deepEqual(roundtrip(value, times), value);
  assert.deepEqual(value, before);
});

test("numbers that are no time of ours stay numbers", () => {
  for (const ms of [-5, 1.5, 8.64e15, 253_402_300_800_000, 0, null]) assert.equal(text(ms), ms);
  assert.equal(text(253_402_300_799_999), "9999-12-31T23:59:59.999Z");
  assert.equal(text(1), "1970-01-01T00:00:00.001Z");
});

test("every kind of time is written as Date would write it", () => {
  for (let ms = 1; ms < 253_402_300_799_999; ms = ms * 1.37 + 12_345_678) {
    const at = Math.floor(ms);
    assert.equal(text(at), new Date(at).toISOString());
  }
});

test("a text that only looks like a time stays the text that it was", () => {
  const reason = "2026-11-23T18:20:15.000Z";
  assert.deepEqual(roundtrip({ reason, at: NOW }, { at: "time" }), { reason, at: NOW });
  const value = { at: "2026-13-99T99:99:99.000Z", endedAt: "the corner" };
  timesFromText(value, { at: "time", endedAt: "time" });
  assert.deepEqual(value, { at: "2026-13-99T99:99:99.000Z", endedAt: "the corner" });
});

test("times that a person wrote without milliseconds are read", () => {
  const value = JSON.parse('{"at":"2026-11-23T18:20:15Z","bAt":"2026-11-23T18:20:15.5Z"}');
  timesFromText(value, { at: "time", bAt: "time" });
  assert.deepEqual(value, { at: NOW - 7, bAt: NOW - 7 + 500 });
});

test("a value of another shape than the table's is left as it is", () => {
  const times: Times = { services: [{ at: "time" }], lastTick: { startedAt: "time" } };
  for (const value of [
    { services: 7, lastTick: "x" },
    { services: null, lastTick: [NOW] },
    { services: [null, 7, "x", []], lastTick: true },
    {},
    [],
  ]) {
    assert.deepEqual(roundtrip(value, times), value, JSON.stringify(value));
  }
});

test("one object in several places is written by the table of each place", () => {
  const shared = { at: NOW };
  const value = { log: [shared, shared], plain: shared, none: {}, empty: [], last: shared, at: 5 };
  const iso = { at: "2026-11-23T18:20:15.007Z" };
  assert.deepEqual(
    timesToText(value, { log: [{ at: "time" }], last: { at: "time" }, none: { at: "time" } }),
    {
      ...value,
      log: [iso, iso],
      last: iso,
    },
  );
});

test("a __proto__ in the file is data, and changes no prototype", () => {
  const value = JSON.parse('{"all":{"__proto__":{"at":"2026-11-23T18:20:15.007Z"}},"x":1}');
  timesFromText(value, { all: [{ at: "time" }] });
  assert.equal(Object.getPrototypeOf(value.all), Object.prototype);
  assert.equal(JSON.stringify(value), `{"all":{"__proto__":{"at":${NOW}}},"x":1}`);
  const written = encodeJson(value, { all: [{ at: "time" }] });
  assert.equal(written, '{"all":{"__proto__":{"at":"2026-11-23T18:20:15.007Z"}},"x":1}');
  assert.equal(({} as { at?: number }).at, undefined);
});

test("the compiler asks for every time, and refuses what is none", () => {
  interface Sample {
    at: number;
    failures: number;
    inner: { seenAt?: number; text: string };
  }
  const whole: TimesOf<Sample> = { at: "time", inner: { seenAt: "time" } };
  // @ts-expect-error: `inner.seenAt` is missing.
  const part: TimesOf<Sample> = { at: "time", inner: {} };
  // @ts-expect-error: a count is no time.
  const more: TimesOf<Sample> = { ...whole, failures: "time" };
  assert.ok(whole && part && more, "these lines are for the compiler");
});
