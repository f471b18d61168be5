import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeClock } from "../../src/doctor/clock.ts";

const NOW = Date.parse("2026-05-01T12:00:00Z");
const dated = (who: string, ms: number) => ({ who, theirs: NOW + ms, ours: NOW });
const judge = (ms: number[], clockAt?: number) =>
  judgeClock(
    ms.map((one, at) => dated(`r${at}`, one)),
    clockAt,
    NOW,
  ).map(({ level, text }) => `${level}: ${text}`);

test("our clock is judged by the receivers that agree with each other, and by the state", () => {
  const rows: [ms: number[], clockAt: number | undefined, says: string[]][] = [
    [[], undefined, ["ok: nothing to compare it with but the engine"]],
    [[0, 900, -5900], NOW - 60_000, ["ok: agrees with receivers and the state file"]],
    [[7000], undefined, ["wrong: our clock is 7 s behind that of r0"]],
    [[-600_000], undefined, ["wrong: our clock is 10 min ahead of that of r0"]],
    [[86_400_000, 0], undefined, ["ok: agrees with receivers"]],
    [[-7_300_000, -7_200_000], undefined, ["wrong: our clock is 2 h ahead of that of r1"]],
    [
      [],
      NOW + 3_600_000,
      ["wrong: the state was saved 60 min in the future: the clock was set back, or is wrong"],
    ],
  ];
  for (const [ms, clockAt, says] of rows) assert.deepEqual(judge(ms, clockAt), says);
});
