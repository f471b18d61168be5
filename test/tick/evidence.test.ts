import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert, Evidence } from "../../src/plugin.ts";
import { policy } from "../core/drive.ts";
import { noIncidents, type Rig, rig } from "./harness.ts";

const FOUND: Evidence = {
  healthLog: [],
  logLines: ["out of memory"],
  hint: "OOMKilled: raise the memory limit",
};

/** One service that fails at once and whose restart fails; what is told and kept. */
function failing(ports: Partial<Rig>) {
  const told: Alert[] = [];
  const kept: { id: string; evidence: Evidence }[] = [];
  const world = rig([policy("executor", { failureThreshold: 1 })], {
    check: async () => ({ ok: false, reason: "HTTP 503" }),
    restart: async () => ({ ok: false, reason: "no such image" }),
    sinks: ["webhook"],
    deliver: async (_, alert) => {
      told.push(alert);
      return { outcome: "delivered", reason: "HTTP 200" };
    },
    incidents: {
      ...noIncidents,
      addEvidence: async (id, _, evidence) => {
        kept.push({ id, evidence });
      },
    },
    ...ports,
  });
  return { ...world, told, kept };
}

test("evidence is taken before the restart, kept with the incident, and hints in the alert", async () => {
  const order: string[] = [];
  const { ticker, told, kept, clock } = failing({
    evidence: async () => {
      order.push("evidence");
      return FOUND;
    },
    restart: async () => {
      order.push("restart");
      return { ok: false, reason: "no such image" };
    },
  });
  await ticker.tick();
  await clock.settle();
  assert.deepEqual(order, ["evidence", "restart"]);
  assert.equal(told[0]!.params.hint, FOUND.hint);
  assert.deepEqual(kept, [{ id: told[0]!.params.incident_id, evidence: FOUND }]);
});

test("evidence that hangs delays the restart by its bound and no longer", async () => {
  let restartedAtMs = -1;
  const { ticker, clock, kept } = failing({
    evidence: () => new Promise(() => {}),
    restart: async () => {
      restartedAtMs = clock.monotonicMs();
      return { ok: true, reason: "restarted" };
    },
  });
  void ticker.tick();
  await clock.advance(10_000);
  assert.equal(restartedAtMs, 3000);
  assert.deepEqual(kept, []);
});

test("evidence that throws is said, and the restart is made", async () => {
  const { ticker, log, lines } = failing({
    evidence: async () => {
      throw new Error("docker logs failed");
    },
  });
  await ticker.tick();
  assert.ok(log.includes("restart executor"), "it was restarted");
  assert.ok(
    lines.some((line) => line === "no evidence of executor: docker logs failed"),
    lines.join("\n"),
  );
});
