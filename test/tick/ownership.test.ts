/** Who may begin something: the owner of the state, while it does not end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { policy } from "../core/drive.ts";
import { noIncidents, rig } from "./harness.ts";

const LOST = "process 7 on host b took over state.json.lock";
const down = async () => ({ ok: false as const, reason: "HTTP 503 in 8 ms" });
const executor = policy("executor", { failureThreshold: 1 });

/** A store that another process takes over when `lose` is called. */
function losable() {
  let lost: string | undefined;
  const lose = () => {
    lost = LOST;
  };
  return {
    lose,
    store: { lost: () => lost, mayAct: async () => lost, isOwner: async () => lost === undefined },
    save: async () => (lost === undefined ? { ok: true as const } : { ok: false as const, reason: lost }),
  };
}

test("a tick that lost the state restarts nothing, delivers nothing, and says so", async () => {
  const { lose, store, save } = losable();
  const check = async () => {
    lose();
    return down();
  };
  const { ticker, log, lines } = rig([executor], { check, store, save, sinks: ["webhook"] });
  const result = await ticker.tick();
  assert.ok(!result.ok, JSON.stringify(result));
  assert.match(
    result.reason,
    /^nothing was done: another process owns the state; dropped 1 restart \(executor\)/,
  );
  assert.ok(result.reason.endsWith(LOST), result.reason);
  assert.deepEqual(log, ["save"]);
  assert.ok(lines.includes(result.reason));
});

test("a quiet tick that lost the state calls no hook", async () => {
  const { lose, store, save } = losable();
  let called = 0;
  const hook = { name: "deadman", ticked: async () => void called++ };
  const check = async () => {
    lose();
    return { ok: true as const, reason: "HTTP 200" };
  };
  const { ticker } = rig([executor], { check, store, save, hooks: [hook] });
  assert.equal((await ticker.tick()).ok, false);
  assert.equal(called, 0);
});

test("a restart that waited for evidence while the state was lost does not begin, and writes no evidence", async () => {
  const { lose, store, save } = losable();
  const kept: string[] = [];
  const { ticker, log, lines } = rig([executor], {
    check: down,
    store,
    save,
    evidence: async () => {
      lose();
      return { healthLog: [], logLines: [] };
    },
    incidents: { ...noIncidents, addEvidence: async (id) => void kept.push(id) },
  });
  await ticker.tick();
  await ticker.idle();
  assert.deepEqual(
    log.filter((entry) => entry !== "save"),
    [],
  );
  assert.deepEqual(kept, []);
  assert.ok(
    lines.some((line) => line.includes("the restart of executor did not begin")),
    lines.join("\n"),
  );
});

test("the restarter's own last question is answered by the lock, and its result then counts for nothing", async () => {
  const { lose, store, save } = losable();
  const asked: boolean[] = [];
  const { ticker, ledger } = rig([executor], {
    check: down,
    store,
    save,
    restart: async (_service, _signal, mayAct) => {
      asked.push(await mayAct());
      lose();
      asked.push(await mayAct());
      return { ok: true, reason: "restarted" };
    },
  });
  await ticker.tick();
  await ticker.idle();
  assert.deepEqual(asked, [true, false]);
  assert.equal(ledger.state.services.executor!.status, "restarting", "as it was when the state was lost");
});

test("what ends while the state is lost is left to its owner", async () => {
  const { lose, store, save } = losable();
  const { ticker, log, ledger } = rig([executor], {
    check: down,
    store,
    save,
    restart: async () => {
      lose();
      return { ok: true, reason: "restarted" };
    },
  });
  await ticker.tick();
  await ticker.idle();
  assert.equal(ledger.state.services.executor!.status, "restarting");
  assert.deepEqual(log, ["save", "restart executor", "save"]);
});

test("a person is told that nothing was done", async () => {
  const { lose, store, save } = losable();
  const { ticker, log } = rig([executor], { store, save });
  await ticker.tick();
  lose();
  log.length = 0;
  const answer = await ticker.operate({ action: "restart", service: "executor", origin: "anna" });
  assert.equal(answer.code, "refused");
  assert.match(answer.text, /nothing was done: another process owns the state/);
  assert.deepEqual(log, ["save"]);
});

test("while the process ends, what waits for a place or for evidence does not begin, and stays ordered", async () => {
  const ending = new AbortController();
  const names = ["a", "b", "c", "d"];
  const restarted: string[] = [];
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const { ticker, ledger, clock } = rig(
    names.map((name) => policy(name, { failureThreshold: 1 })),
    {
      check: down,
      ending: ending.signal,
      maxConcurrentRestarts: 2,
      // The second never gives its evidence.
      evidence: async ({ name }) => (name === "b" ? new Promise(() => {}) : { healthLog: [], logLines: [] }),
      restart: async ({ name }) => {
        restarted.push(name);
        await gate;
        return { ok: true, reason: "restarted" };
      },
    },
  );
  const ticking = ticker.tick();
  await clock.settle();
  ending.abort("the watchdog is shutting down");
  await clock.settle();
  letGo();
  await clock.advance(20_000);
  await ticking;
  await ticker.idle();
  assert.deepEqual(restarted, ["a"]);
  const statuses = names.map((name) => ledger.state.services[name]!.status);
  assert.deepEqual(statuses, ["verifying", "down", "down", "down"]);
  assert.deepEqual(await ticker.tick(), {
    ok: false,
    reason: "nothing was done: the watchdog is shutting down",
  });
  const answer = await ticker.operate({ action: "restart", service: "b", origin: "anna", force: true });
  assert.deepEqual(answer, { code: "refused", text: "nothing was done: the watchdog is shutting down" });
  assert.deepEqual(restarted, ["a"]);
});

test("a restart that waits for its turn is taken back when a person pauses the service, unless it was forced", async () => {
  const begun: string[] = [];
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const services = ["a", "b", "c"].map((name) => policy(name, { failureThreshold: 1 }));
  const { ticker, ledger, clock } = rig(services, {
    check: async ({ name }) => (name === "c" ? { ok: true, reason: "HTTP 200" } : down()),
    maxConcurrentRestarts: 1,
    restart: async ({ name }) => {
      begun.push(name);
      await gate;
      return { ok: true, reason: "restarted" };
    },
  });
  const ticking = ticker.tick();
  await clock.settle();
  await ticker.operate({ action: "restart", service: "c", origin: "anna", force: true });
  await ticker.operate({ action: "pause", service: "", origin: "anna" });
  letGo();
  await clock.advance(20_000);
  await ticking;
  await ticker.idle();
  assert.deepEqual(begun, ["a", "c"]);
  const { status, outage } = ledger.state.services.b!;
  assert.equal(status, "down");
  assert.match(outage?.log.at(-1)?.text ?? "", /did not begin: paused by anna/);
});
