import assert from "node:assert/strict";
import { test } from "node:test";
import { createCalendar } from "../../src/tick/calendar.ts";
import { policy } from "../core/drive.ts";

const HOUR_MS = 3_600_000;
const policies = new Map(["executor", "monitor"].map((name) => [name, policy(name)]));
const at = (iso: string) => Date.parse(iso);

/** [what it shows, window, now, when the executor's closes] */
const WINDOWS: [string, { cron: string; hours: number; timeZone: string }, string, string | undefined][] = [
  [
    "open at its first moment",
    { cron: "0 3 * * *", hours: 1, timeZone: "UTC" },
    "2026-11-23T03:00:00Z",
    "2026-11-23T04:00:00Z",
  ],
  [
    "open in the middle",
    { cron: "0 3 * * *", hours: 1, timeZone: "UTC" },
    "2026-11-23T03:30:00Z",
    "2026-11-23T04:00:00Z",
  ],
  ["closed at its end", { cron: "0 3 * * *", hours: 1, timeZone: "UTC" }, "2026-11-23T04:00:00Z", undefined],
  ["closed before", { cron: "0 3 * * *", hours: 1, timeZone: "UTC" }, "2026-11-23T02:59:59Z", undefined],
  [
    "open over midnight",
    { cron: "30 23 * * *", hours: 2, timeZone: "UTC" },
    "2026-11-24T01:00:00Z",
    "2026-11-24T01:30:00Z",
  ],
  [
    "in its own time zone",
    { cron: "0 3 * * *", hours: 1, timeZone: "Europe/Warsaw" },
    "2026-11-23T02:30:00Z",
    "2026-11-23T03:00:00Z",
  ],
  [
    "in its own time zone, in summer",
    { cron: "0 3 * * *", hours: 1, timeZone: "Europe/Warsaw" },
    "2026-07-01T01:30:00Z",
    "2026-07-01T02:00:00Z",
  ],
  [
    "on its own days only",
    { cron: "0 3 * * 0", hours: 1, timeZone: "UTC" },
    "2026-11-23T03:30:00Z",
    undefined,
  ],
];

for (const [name, { cron, hours, timeZone }, now, closes] of WINDOWS) {
  test(`a window is ${name}`, async () => {
    const window = { service: "executor", cron, durationMs: hours * HOUR_MS, timeZone };
    const calendar = await createCalendar([window], policies);
    assert.deepEqual(calendar(at(now)), closes === undefined ? {} : { executor: at(closes) });
  });
}

test("a window without a service is for all; of several that are open the last to close counts", async () => {
  const calendar = await createCalendar(
    [
      { cron: "0 3 * * *", durationMs: HOUR_MS, timeZone: "UTC" },
      { service: "monitor", cron: "0 2 * * *", durationMs: 4 * HOUR_MS, timeZone: "UTC" },
    ],
    policies,
  );
  assert.deepEqual(calendar(at("2026-11-23T03:10:00Z")), {
    executor: at("2026-11-23T04:00:00Z"),
    monitor: at("2026-11-23T06:00:00Z"),
  });
});
