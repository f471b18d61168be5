/** What people ask over HTTP, answered by the real ticker, ledger and courier. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckResult, Delivery } from "../../src/plugin.ts";
import { policy } from "../core/drive.ts";
import { world } from "./real-app.ts";

const executor = policy("executor", { failureThreshold: 1 });
const DOWN: CheckResult = { ok: false, reason: "HTTP 503 in 12 ms" };
const UP: CheckResult = { ok: true, reason: "HTTP 200 in 8 ms" };

test("a pause without an end is refused where no token is configured, with what is accepted", async () => {
  const { post, asked } = world([executor]);
  for (const path of ["/pause", "/services/executor/pause"]) {
    const { status, body } = await post(path);
    assert.equal(status, 400);
    assert.match(body.error, /needs a token.*for=: a duration up to 365d, such as "30m" or "2h"/);
  }
  assert.deepEqual(asked, []);
});

test("with a token, a pause may have no end", async () => {
  const { ask, detail: _, ledger } = world([executor], {}, { tokens: ["sesame"] });
  const headers = { authorization: "Bearer sesame" };
  const { status, body } = await ask("POST", "/services/executor/pause", { headers });
  assert.equal(status, 200);
  assert.match(body.message, /^Executor paused by HTTP, until "resume"$/);
  assert.equal(ledger.state.services.executor!.pause!.untilAt, undefined);
});

for (const [said, ms] of [
  ["30m", 1_800_000],
  ["2h", 7_200_000],
  ["90", 90_000],
  ["500ms", 500],
  ["365d", 365 * 86_400_000],
] as const) {
  test(`for=${said} pauses until then`, async () => {
    const { post, ledger, clock, detail } = world([executor]);
    const until = new Date(clock.now() + ms).toISOString();
    const { status, body } = await post(`/services/executor/pause?for=${said}`);
    assert.equal(status, 200);
    assert.ok(body.message.includes(until.slice(0, 10)), body.message);
    assert.equal(ledger.state.services.executor!.pause!.untilAt, clock.now() + ms);
    assert.equal((await detail("executor")).paused.until, until);
  });
}

for (const said of ["", "0", "-5", "soon", "366d", "1e99", "2 hours or so", "NaN", "0x10", "9".repeat(400)]) {
  test(`for=${said.slice(0, 20)} is refused, with what is accepted and no more of it than 40 characters`, async () => {
    const { post, asked } = world([executor]);
    const { status, body } = await post(`/services/executor/pause?for=${encodeURIComponent(said)}`);
    assert.equal(status, 400);
    assert.ok(body.error.startsWith(`for=${JSON.stringify(said.slice(0, 40))} is not accepted; give for=`));
    assert.deepEqual(asked, []);
  });
}

test("a pause of all services holds each of them, and a resume ends it", async () => {
  const { post, ticker, detail, log } = world([executor], { check: async () => DOWN });
  assert.equal((await post("/pause?for=1h")).status, 200);
  await ticker.tick();
  const held = await detail("executor");
  assert.equal(held.hold.kind, "paused");
  assert.equal(held.paused.origin, "HTTP");
  assert.ok(!log.includes("restart executor"));
  const { status, body } = await post("/resume");
  assert.equal(status, 200);
  assert.match(body.message, /^Every service resumed by HTTP/);
  assert.equal((await detail("executor")).paused, null);
});

test("who asked is kept: a name without what could break a line, and the address that it came from", async () => {
  const { post, detail, ledger } = world([executor]);
  const by = `Ada <script>\n\u001b[31m "x" O’Neill_99 ${"y".repeat(100)}`;
  const env = { incoming: { socket: { remoteAddress: "10.0.0.7" } } };
  await post(`/services/executor/pause?for=1h&by=${encodeURIComponent(by)}`, env);
  await post("/services/executor/resume", env);
  await post(`/services/executor/resume?by=${encodeURIComponent("\n<>")}`, env);
  const [paused, resumed, nameless] = (await detail("executor")).actions;
  assert.match(paused.origin, /^Ada script31m x ONeill_99 y+ \(10\.0\.0\.7\)$/);
  assert.ok(paused.origin.length <= 60 + " (10.0.0.7)".length);
  assert.equal(resumed.origin, "10.0.0.7");
  assert.equal(nameless.origin, "10.0.0.7");
  assert.match(paused.answer, /^Executor paused by Ada script/);
  assert.equal(ledger.state.actions.length, 3);
});

test("an unknown service is a 404 for whatever is asked of it, and a long name is cut", async () => {
  const { get, post, log, lines, ledger } = world([executor]);
  for (const name of [
    "nothing",
    "%0Aforged%1b[31m",
    "__proto__",
    "constructor",
    "..%2Fexecutor",
    "x".repeat(3000),
  ]) {
    const shown = decodeURIComponent(name).slice(0, 80);
    const answers = [
      await get(`/services/${name}`),
      await post(`/services/${name}/pause?for=1h`),
      await post(`/services/${name}/resume`),
      await post(`/services/${name}/restart`),
      await post(`/services/${name}/restart?force=1`),
    ];
    for (const { status, body } of answers) {
      assert.equal(status, 404, name.slice(0, 20));
      assert.equal(body.error, `there is no service "${shown}"`);
    }
  }
  assert.ok(!log.some((one) => one.startsWith("restart")));
  assert.deepEqual(lines, [], "a name from outside writes no line of the log");
  assert.deepEqual(ledger.state.actions, [], "nor does it push what people did out of the record");
});

test("a restart asks the policy, and a refusal says why; forced, it is made all the same", async () => {
  const { post, log, detail, ticker } = world([executor]);
  await post("/services/executor/pause?for=1h");
  const refused = await post("/services/executor/restart");
  assert.equal(refused.status, 409);
  assert.match(refused.body.error, /^Executor is not restarted: paused by HTTP until 2026-11-23 19:00 UTC$/);
  assert.ok(!log.includes("restart executor"));

  const forced = await post("/services/executor/restart?force=1");
  assert.equal(forced.status, 200);
  assert.match(forced.body.message, /requested by HTTP \(forced\)/);
  await ticker.idle();
  assert.ok(log.includes("restart executor"));
  assert.equal((await detail("executor")).actions.at(-1).forced, true);
});

for (const force of ["0", "true", "yes", ""]) {
  test(`force=${force} forces nothing`, async () => {
    const { post } = world([executor]);
    await post("/services/executor/pause?for=1h");
    assert.equal((await post(`/services/executor/restart?force=${force}`)).status, 409);
  });
}

test("no second restart is begun while one is under way, and none where there is nothing to restart", async () => {
  const watched = policy("monitor", { container: "" });
  const { post, log } = world([executor, watched], { restart: () => new Promise(() => {}) });
  assert.equal((await post("/services/executor/restart")).status, 200);
  for (const how of ["", "?force=1"]) {
    const { status, body } = await post(`/services/executor/restart${how}`);
    assert.equal(status, 409);
    assert.equal(body.error, "Executor is not restarted: a restart is under way");
  }
  const { status, body } = await post("/services/monitor/restart?force=1");
  assert.equal(status, 409);
  assert.equal(body.error, "Monitor is not restarted: it has no container to restart");
  assert.equal(log.filter((one) => one === "restart executor").length, 1);
});

const GETS = ["/services/executor", "/incidents", "/incidents/inc_1", "/outbox"];
const POSTS = [
  "pause?for=1h",
  "resume",
  "restart",
  "services/executor/pause?for=1h",
  "services/executor/resume",
];
POSTS.push("services/executor/restart", "outbox/evt_1:hook/retry");
for (const [path, allowed] of [
  ...GETS.map((one) => [one, "GET"] as const),
  ...POSTS.map((one) => [`/${one}`, "POST"] as const),
]) {
  test(`${path} takes ${allowed} and nothing else`, async () => {
    const { ask, asked, ledger } = world([executor]);
    const before = ledger.state;
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      if (method === allowed) continue;
      const { status, headers, body } = await ask(method, path);
      assert.equal(status, 405, method);
      assert.equal(headers.get("allow"), allowed);
      assert.match(body.error, new RegExp(`takes ${allowed}, not ${method}$`));
    }
    assert.deepEqual(asked, []);
    assert.equal(ledger.state, before);
  });
}

test("nothing is changed while shutting down", async () => {
  const { post, asked } = world([executor], {}, { accepting: () => false });
  for (const path of ["/pause?for=1h", "/resume", "/services/executor/restart"]) {
    assert.equal((await post(path)).status, 503, path);
  }
  assert.deepEqual(asked, []);
});

test("an incident that is not kept is a 404", async () => {
  const { get } = world([executor], {}, { incident: async (id) => (id === "inc_1" ? { id } : undefined) });
  assert.deepEqual((await get("/incidents/inc_1")).body, { id: "inc_1" });
  const { status, body } = await get(`/incidents/${"x".repeat(3000)}`);
  assert.equal(status, 404);
  assert.ok(body.error.length < 120);
});

test("an outage that lasts is listed and shown from its first failed check on", async () => {
  let health: CheckResult = DOWN;
  const { get, ticker, clock } = world([policy("executor", { failureThreshold: 3 })], {
    check: async () => health,
  });
  assert.deepEqual((await get("/incidents")).body, { incidents: [] });
  await ticker.tick();
  const { body } = await get("/incidents");
  const [listed] = body.incidents;
  assert.equal(body.incidents.length, 1);
  assert.match(listed.id, /^inc_/);
  assert.deepEqual(
    { ...listed, id: "" },
    {
      id: "",
      service: "executor",
      started_at: new Date(clock.now()).toISOString(),
      duration_ms: null,
      outcome: null,
      reason: "HTTP 503 in 12 ms",
      hint: null,
    },
  );
  const shown = (await get(`/incidents/${listed.id}`)).body;
  assert.equal(shown.endedAt, null);
  assert.equal(shown.container, "spreadpilot-executor");
  assert.match(shown.log[0].text, /^the first check failed: HTTP 503 in 12 ms$/);

  health = UP;
  await clock.advance(15_000);
  await ticker.tick();
  assert.deepEqual((await get("/incidents")).body, { incidents: [] });
});

test("the outbox shows what waits, what is dead and why; a dead letter is tried again on request", async () => {
  let answer: Delivery = { outcome: "rejected", reason: "HTTP 403" };
  const { get, post, ticker, log } = world([policy("executor", { container: "", failureThreshold: 1 })], {
    check: async () => DOWN,
    sinks: ["hook"],
    deliver: async () => answer,
  });
  await ticker.tick();
  const { body } = await get("/outbox");
  assert.deepEqual([body.sent, body.pending, body.dead], [0, 0, 1]);
  const [letter] = body.dead_letters;
  assert.equal(letter.service, "executor");
  assert.equal(letter.attempts, 1);
  assert.equal(letter.last_reason, "HTTP 403");
  assert.match(letter.message, /^Executor is down/);

  const unknown = await post(`/outbox/${"x".repeat(3000)}/retry`);
  assert.equal(unknown.status, 404);
  assert.match(unknown.body.error, /^there is no dead letter "x{80}": GET \/outbox lists them$/);

  answer = { outcome: "delivered", reason: "HTTP 200" };
  const again = await post(`/outbox/${encodeURIComponent(letter.id)}/retry`);
  assert.equal(again.status, 200);
  assert.equal(again.body.message, `${letter.id} is tried again`);
  const after = (await get("/outbox")).body;
  assert.deepEqual([after.sent, after.pending, after.dead], [1, 0, 0]);
  assert.equal(log.filter((one) => one === "deliver COMPONENT_DOWN").length, 2);
  assert.equal((await post(`/outbox/${letter.id}/retry`)).status, 404, "it is no dead letter any more");
});

test("GET /services/:name says why at every step: unknown, failing, restarting, verifying, held, healthy", async () => {
  let health: CheckResult = UP;
  let end = (_: { ok: true; reason: string }) => {};
  const { ticker, clock, detail } = world([policy("executor", { failureThreshold: 2 })], {
    check: async () => health,
    restart: () =>
      new Promise((resolve) => {
        end = resolve;
      }),
    budgetMs: 0,
  });
  const why = async () => (await detail("executor")).why;
  async function seen(): Promise<string> {
    const ticking = ticker.tick();
    await clock.advance(15_000);
    await ticking;
    return why();
  }
  assert.equal(await why(), "Executor has not been checked yet");
  assert.match(await seen(), /^Executor has been healthy for .*: nothing to do$/);

  health = DOWN;
  assert.equal(await seen(), "Executor failed 1 check in a row; at 2 it counts as down: HTTP 503 in 12 ms");
  assert.match(await seen(), /^the restart of spreadpilot-executor began .* ago: .*2 failed checks in a row/);
  const restarting = await detail("executor");
  assert.equal(restarting.status, "restarting");
  assert.equal(restarting.next_restart, null);
  assert.equal(restarting.last_restart.outcome, "pending");
  assert.match(restarting.incident.log[0].text, /^the first check failed: HTTP 503 in 12 ms$/);

  end({ ok: true, reason: "restarted in 1 s" });
  await clock.settle();
  assert.match(await why(), /was restarted .* ago, and Executor must pass 1 check to count as healthy/);

  await seen();
  assert.match(await seen(), /^(the restart of spreadpilot-executor began|Executor is down)/);
  end({ ok: true, reason: "restarted in 1 s" });
  await clock.settle();
  await seen();
  const held = await detail("executor");
  assert.equal(held.restarts.length, 2);
  assert.equal(held.budget_left, 3);
  await seen();
  const backedOff = await detail("executor");
  assert.equal(backedOff.hold?.kind, "backoff", backedOff.why);
  assert.match(backedOff.why, /^Executor is down and is not restarted \(backoff: 2 restarts/);
  assert.equal(backedOff.next_restart, backedOff.hold.until);
  assert.ok(Date.parse(backedOff.next_restart) > clock.now() - 15_000);

  health = UP;
  assert.match(await seen(), /^Executor has been healthy/);
  assert.equal((await detail("executor")).incident, null);
});
