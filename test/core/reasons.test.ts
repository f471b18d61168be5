/** Whatever is told of a service says what failed, and to which earlier news it belongs. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Alert } from "../../src/core/alert.ts";
import type { Effect } from "../../src/core/event.ts";
import type { ServicePolicy } from "../../src/core/policy.ts";
import { type Drive, drive, policy } from "./drive.ts";

const REASON = "HTTP 500 in 2 ms";
const HEALTH_URL = "http://executor:8080/health";

const alertsOf = (effects: readonly Effect[]): Alert[] =>
  effects.flatMap((effect) => (effect.type === "alert" ? [effect.alert] : []));
const notesOf = (effects: readonly Effect[]): string[] =>
  effects.flatMap((effect) => (effect.type === "note" ? [effect.text] : []));

/** Restarted once, and then not for a day. */
function executor(changes: Partial<ServicePolicy> = {}): Drive {
  const backoff = { baseMs: 86_400_000, capMs: 86_400_000, jitter: 0 };
  return drive(policy("executor", { healthUrl: HEALTH_URL, failureThreshold: 2, backoff, ...changes }));
}

/** Fails `times` checks, 15 s apart. */
function fail(d: Drive, times: number, reason = REASON): Effect[] {
  return Array.from({ length: times }, () => {
    d.wait(15_000);
    return d.check({ executor: { ok: false, reason } });
  }).flat();
}

const ask = (d: Drive, force: boolean) =>
  d.send({ type: "operator", request: { action: "restart", service: "executor", origin: "ops", force } });

/** Every way in which COMPONENT_DOWN comes to be told. */
const WAYS: Record<string, (d: Drive) => Effect[]> = {
  "its restart failed": (d) => [...fail(d, 2), ...d.settle("executor", "failed")],
  "its restart did not help": (d) => [...fail(d, 2), ...d.settle("executor", "restarted"), ...fail(d, 2)],
  "the end of its restart was not seen": (d) => {
    const effects = [...fail(d, 2), ...d.settle("executor", "unknown")];
    d.wait(30_000);
    return [...effects, ...fail(d, 2)];
  },
  "it is only watched": (d) => fail(d, 2),
  "it has nothing to restart": (d) => fail(d, 2),
  "its restart is held": (d) => fail(d, 2),
  "it was stopped": (d) => [...fail(d, 2), ...d.settle("executor", "restarted")],
};
const POLICIES: Record<string, Partial<ServicePolicy>> = {
  "it is only watched": { action: "notify" },
  "it has nothing to restart": { container: "" },
  "its restart is held": { dryRun: true },
  "it was stopped": { action: "stop" },
};

describe("COMPONENT_DOWN says what failed", () => {
  for (const [why, way] of Object.entries(WAYS)) {
    test(`when ${why}, and so do its reminder and its recovery`, () => {
      const d = executor({ ...POLICIES[why], remindEveryMs: 3_600_000 });
      const [down, ...more] = alertsOf(way(d));
      assert.deepEqual([down!.event_type, more], ["COMPONENT_DOWN", []]);
      assertSays(down!, REASON);
      assert.equal(down!.follows, undefined);

      // A stopped service is not judged again before somebody starts it.
      if (why !== "it was stopped") {
        d.wait(3_600_000);
        const [reminder] = alertsOf(fail(d, 2, "no answer in 5 s"));
        assert.match(reminder!.message, /still down after/);
        assertSays(reminder!, "no answer in 5 s");
        assert.deepEqual(reminder!.follows, { id: down!.id, title: down!.title });
      }
      const failure = d.state.services.executor!.outage!.lastReason;
      d.wait(15_000);
      const [recovered] = alertsOf(d.pass());
      assert.equal(recovered!.event_type, "COMPONENT_RECOVERED");
      assertSays(recovered!, failure);
      assert.match(recovered!.message, /^Executor recovered (after|by) .* \(down for \d/);
      assert.deepEqual(recovered!.follows, { id: down!.id, title: down!.title });
    });
  }

  test("also where a check gives no reason", () => {
    for (const changes of [{ action: "notify" }, { dryRun: true }] as const) {
      const [down] = alertsOf(fail(executor(changes), 2, ""));
      assertSays(down!, "no reason was given");
    }
  });

  test("also where neither the check nor the restart gives a reason", () => {
    const d = executor();
    fail(d, 2, " ");
    const outcomes = { executor: { outcome: "failed" as const, reason: "" } };
    const [down] = alertsOf(d.send({ type: "settled", outcomes }));
    assertSays(down!, "no reason was given");
    assert.match(down!.message, /failed: no reason was given$/);
  });

  test("also in an outage that an older version began", () => {
    const d = executor();
    fail(d, 1);
    const { lastReason: _, toldAs: __, ...outage } = d.state.services.executor!.outage!;
    d.state.services.executor!.outage = { ...outage, lastReason: "", toldAs: "", toldAt: 5 };
    const [recovered] = alertsOf(d.pass());
    assertSays(recovered!, REASON);
    assert.equal(recovered!.follows, undefined, "what it was told as is not known");
  });
});

test("a recovery without a COMPONENT_DOWN is a reply to nothing", () => {
  const d = executor();
  fail(d, 2);
  d.settle("executor", "restarted");
  d.wait(15_000);
  const [recovered] = alertsOf(d.pass());
  assert.match(
    recovered!.message,
    /^Executor recovered after a restart \(down for 30 s\)\. The failure was: /,
  );
  assertSays(recovered!, REASON);
  assert.equal(recovered!.follows, undefined);
});

test("what fails once while it starts again is not what had failed", () => {
  const d = executor();
  fail(d, 2);
  d.settle("executor", "restarted");
  fail(d, 1, "connection refused");
  d.wait(15_000);
  assertSays(alertsOf(d.pass())[0]!, REASON);
});

test("a failure to heal and the watchdog's own troubles say why, and their ends reply to their beginnings", () => {
  const d = executor({
    budget: { restarts: 1, windowMs: 3_600_000 },
    backoff: { baseMs: 0, capMs: 0, jitter: 0 },
  });
  fail(d, 2);
  d.settle("executor", "restarted");
  const told = alertsOf(fail(d, 4));
  const gaveUp = told.find(({ event_type }) => event_type === "WATCHDOG_FAILURE");
  assertSays(gaveUp!, REASON);
  const trouble = (reason: string | null) =>
    alertsOf(d.send({ type: "trouble", trouble: "state", reason, tried: "save" }))[0]!;
  const [began, ended] = [trouble("disk full"), trouble(null)];
  assert.deepEqual([began.params.reason, ended.params.reason], ["disk full", "disk full"]);
  assert.deepEqual([began.follows, ended.follows], [undefined, { id: began.id, title: began.title }]);
  d.around = { engineFault: "connection refused" };
  const closed = alertsOf(fail(d, 1)).find(({ params }) => params.component_name === "watchdog")!;
  d.around = { engineFault: null };
  d.wait(15_000);
  const opened = alertsOf(d.pass()).find(({ params }) => params.component_name === "watchdog")!;
  assert.match(closed.params.reason!, /connection refused/);
  assert.deepEqual(opened.follows, { id: closed.id, title: closed.title });
});

describe("a restart that a person forced on a service that is well", () => {
  test("and that fails is not told as one that is down", () => {
    const d = executor();
    d.pass();
    ask(d, true);
    const effects = d.settle("executor", "failed");
    assert.deepEqual(alertsOf(effects), []);
    assert.deepEqual(notesOf(effects), [
      "the restart of spreadpilot-executor requested by ops failed: restart failed",
    ]);
    assert.equal(d.state.services.executor!.status, "verifying");
    d.wait(15_000);
    assert.deepEqual(alertsOf(d.pass()), []);
    assert.equal(d.state.services.executor!.status, "healthy");
  });

  test("is not told when the service fails a check while it starts", () => {
    const d = executor();
    d.pass();
    ask(d, true);
    d.settle("executor", "restarted");
    fail(d, 1, "connection refused");
    d.wait(15_000);
    assert.deepEqual(alertsOf(d.pass()), []);
  });

  test("is followed by all that an outage has when the service does not come back", () => {
    const d = executor();
    d.pass();
    ask(d, true);
    d.settle("executor", "restarted");
    const [down] = alertsOf(fail(d, 2, "connection refused"));
    assertSays(down!, "connection refused");
    assert.match(down!.message, /^Executor is down and is not restarted \(backoff/);
    d.wait(15_000);
    assert.deepEqual(
      alertsOf(d.pass()).map(({ event_type }) => event_type),
      ["COMPONENT_RECOVERED"],
    );
  });

  test("and that began to fail is told as down at its threshold, not by the restart", () => {
    const d = executor();
    fail(d, 1);
    ask(d, true);
    assert.deepEqual(alertsOf(d.settle("executor", "failed")), []);
    const [down] = alertsOf(fail(d, 2));
    assert.match(down!.message, /^Executor is down and is not restarted \(backoff: 1 restart/);
  });

  test("of a service that is down says whose it was", () => {
    const d = executor();
    fail(d, 2);
    d.settle("executor", "restarted");
    fail(d, 2);
    ask(d, true);
    assert.equal(d.state.services.executor!.status, "restarting");
    assert.deepEqual(notesOf(d.settle("executor", "failed")), [
      `Executor is down: ${REASON}; the restart of spreadpilot-executor requested by ops failed: restart failed`,
    ]);
  });

  test("is a restart, too, where the service's own action is to stop", () => {
    const d = executor({ action: "stop" });
    d.pass();
    const orders = ask(d, true).flatMap((effect) => (effect.type === "restart" ? [effect.order] : []));
    assert.deepEqual(
      orders.map(({ action }) => action),
      ["restart"],
    );
    d.settle("executor", "restarted");
    assert.equal(d.state.services.executor!.status, "verifying");
  });
});

function assertSays({ message, params, severity }: Alert, reason: string): void {
  assert.equal(params.reason, reason);
  assert.ok(message.includes(reason), message);
  assert.equal(params.severity, severity);
  assert.equal(params.health_url, HEALTH_URL);
}
