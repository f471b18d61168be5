import assert from "node:assert/strict";
import { test } from "node:test";
import { shiftTimes } from "../../src/core/shift-times.ts";
import { drive, policy, T0 } from "./drive.ts";

const DAY_MS = 86_400_000;

test("every time of the state moves with the clock; a person's pause and an alert's own time do not", () => {
  const d = drive(policy("executor"));
  d.send({ type: "operator", request: { action: "pause", service: "", origin: "anna", untilAt: T0 + 1000 } });
  d.wait(2000);
  for (let i = 0; i < 3; i++) d.fail();
  d.settle("executor", "failed");
  d.state = {
    ...d.state,
    outbox: {
      ...d.state.outbox,
      sinks: { slack: { failures: 1, heldUntilAt: 5 } },
      entries: [
        {
          id: "x",
          sink: "slack",
          service: "executor",
          alert: d.effects.flatMap((effect) => (effect.type === "alert" ? [effect.alert] : []))[0]!,
          createdAt: 1,
          attempts: 0,
          nextAt: 2,
          lastReason: "",
        },
      ],
    },
  };
  const times = (value: unknown, path = ""): [string, number][] =>
    typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([key, one]) =>
          /(^at|At)$/.test(key) && typeof one === "number" && one > 0
            ? [[`${path}.${key}`, one] as [string, number]]
            : times(one, `${path}.${key}`),
        )
      : [];
  const before = new Map(times(d.state));
  const after = new Map(times(shiftTimes(d.state, DAY_MS)));
  assert.equal(after.size, before.size);
  assert.ok(before.size > 10, `only ${before.size} times are compared`);
  for (const [path, at] of before) {
    assert.equal(after.get(path), path.startsWith(".pause") ? at : at + DAY_MS, path);
  }
  const { outbox } = shiftTimes(d.state, DAY_MS);
  assert.deepEqual(outbox.entries[0]!.alert, d.state.outbox.entries[0]!.alert);
});
