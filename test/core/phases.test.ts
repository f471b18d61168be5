/** A service's status fits its records, whatever a file says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outage, RestartIntent, Status, UncheckedService } from "../../src/core/state.ts";
import { enter, newService, withFittingStatus } from "../../src/core/state.ts";
import { T0 } from "./drive.ts";

const outage: Outage = {
  id: "inc_1",
  startedAt: T0,
  failures: 3,
  firstReason: "HTTP 500",
  lastReason: "HTTP 500",
  restarts: 0,
  restarted: "no",
  toldAt: T0,
  toldAs: "evt_1",
  remindedAt: T0,
  log: [],
};
const restart: RestartIntent = {
  id: "rst_1",
  orderedAt: T0,
  along: "",
  action: "restart",
  reason: "x",
  failures: 3,
};

/** [in the file, with an outage, with a restart, what it becomes, whether the restart is kept] */
const CASES: [Status, boolean, boolean, Status, boolean][] = [
  ["unknown", false, false, "unknown", false],
  ["healthy", false, false, "healthy", false],
  ["failing", true, false, "failing", false],
  ["verifying", false, false, "verifying", false],
  ["verifying", true, false, "verifying", false],
  ["down", true, false, "down", false],
  ["restarting", true, true, "restarting", true],
  ["restarting", false, true, "restarting", true],
  ["restarting", false, false, "unknown", false],
  ["restarting", true, false, "failing", false],
  ["down", false, false, "unknown", false],
  ["failing", false, true, "unknown", false],
  ["healthy", true, false, "failing", false],
  ["down", true, true, "down", false],
];

for (const [status, hasOutage, hasRestart, becomes, kept] of CASES) {
  const records = [hasOutage && "an outage", hasRestart && "a restart"].filter(Boolean).join(" and ");
  test(`${status} with ${records || "no record"} is read as ${becomes}`, () => {
    const unchecked: UncheckedService = {
      ...newService(T0),
      status,
      outage: hasOutage ? outage : null,
      restart: hasRestart ? restart : null,
    };
    const service = withFittingStatus(unchecked);
    assert.equal(service.status, becomes);
    assert.equal(service.outage, hasOutage ? outage : null, "an outage is never lost");
    assert.equal(service.restart, kept ? restart : null);
  });
}

test("a status keeps its time until another one follows", () => {
  const failing = enter(newService(T0), { status: "failing", outage, restart: null }, T0 + 1);
  assert.equal(failing.statusSinceAt, T0 + 1);
  assert.equal(enter(failing, { status: "failing", outage, restart: null }, T0 + 2).statusSinceAt, T0 + 1);
  assert.equal(enter(failing, { status: "down", outage, restart: null }, T0 + 3).statusSinceAt, T0 + 3);
});
