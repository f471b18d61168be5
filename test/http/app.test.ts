import assert from "node:assert/strict";
import { test } from "node:test";
import { createApp } from "../../src/http/app.ts";
import type { RefusedRequest } from "../../src/http/refusal-log.ts";
import type { HttpWorld } from "../../src/http/world.ts";
import type { CompletedReport } from "../../src/tick/report.ts";

const REPORT: CompletedReport = {
  status: "completed",
  tick_id: "tick_1",
  started_at: "2026-11-23T18:20:15.000Z",
  duration_ms: 12,
  counts: { checked: 1, healthy: 0, unhealthy: 1, restarted: 0, restart_failed: 0 },
  services: { executor: { status: "failing", failures: 1, reason: "connection refused" } },
  outbox: { sent: 0, pending: 0, dead: 0 },
};

function app(changes: Partial<HttpWorld> = {}) {
  const calls = { ticks: 0 };
  const refusals: RefusedRequest[] = [];
  const world: HttpWorld = {
    tokens: [],
    tick: async () => {
      calls.ticks++;
      return { ok: true, report: REPORT };
    },
    accepting: () => true,
    readiness: () => ({ ok: true, reason: "ticking" }),
    status: () => ({ services: {} }),
    reload: async () => ({ ok: true, text: "" }),
    config: () => ({ services: {} }),
    service: async () => undefined,
    incidents: async () => ({ incidents: [] }),
    incident: async () => undefined,
    operate: async () => ({ code: "done", text: "done" }),
    outbox: () => ({ pending: 0 }),
    replay: async () => false,
    refused: (refusal) => void refusals.push(refusal),
    now: () => 1_000_000,
    ...changes,
  };
  return { app: createApp(world), calls, refusals };
}

for (const method of ["GET", "POST"]) {
  test(`${method} /tick makes a tick and answers with its report`, async () => {
    const { app: hono, calls } = app();
    const response = await hono.request("/tick", { method });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.deepEqual(await response.json(), REPORT);
    assert.equal(calls.ticks, 1);
  });
}

for (const method of ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
  test(`${method} /tick is not allowed, and makes no tick`, async () => {
    const { app: hono, calls } = app();
    const response = await hono.request("/tick", { method });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), "POST, GET");
    assert.equal(calls.ticks, 0);
  });
}

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;

/** [what is sent as Authorization, whether it opens, with the tokens "old", "new" and "co:lon"] */
const CREDENTIALS: [string | undefined, boolean][] = [
  ["Bearer new", true],
  ["Bearer old", true],
  ["bearer new", true],
  ["Bearer new2", false],
  ["Bearer ne", false],
  ["Bearer undefined", false],
  ["Bearer ", false],
  ["Bearer", false],
  ["Basic new", false],
  ["new", false],
  ["Bearer new old", false],
  ["", false],
  [undefined, false],
  [basic("cron:new"), true],
  [basic(":new"), true],
  [basic("new:"), true],
  [basic("anna:co:lon"), true],
  [basic("co:lon:"), true],
  [basic("co:lon").replace("Basic", "basic"), false],
  [basic("new"), false],
  [basic("new:other"), false],
  [basic("anna:new2"), false],
  [basic("anna:"), false],
  [basic(":"), false],
  [basic(""), false],
  [basic("anna:undefined"), false],
  ["Basic", false],
  ["Basic %%%", false],
];

const TOKENS = { tokens: ["old", "new", "co:lon"] };

for (const [authorization, opens] of CREDENTIALS) {
  test(`with tokens set, ${JSON.stringify(authorization)} ${opens ? "opens" : "is refused"}`, async () => {
    const { app: hono, calls } = app(TOKENS);
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    for (const path of ["/tick", "/status"]) {
      const response = await hono.request(path, { headers });
      assert.equal(response.status, opens ? 200 : 401, path);
    }
    assert.equal(calls.ticks, opens ? 1 : 0);
  });
}

for (const [key, opens] of [
  ["new", true],
  ["co:lon", true],
  ["new2", false],
  ["Bearer new", false],
  ["undefined", false],
  ["", false],
] as const) {
  test(`with tokens set, X-Api-Key: ${key} ${opens ? "opens" : "is refused"}`, async () => {
    const { app: hono, calls } = app(TOKENS);
    for (const beside of ["", "Bearer wrong"]) {
      const headers = { "x-api-key": key, authorization: beside };
      assert.equal((await hono.request("/tick", { headers })).status, opens ? 200 : 401);
    }
    assert.equal(calls.ticks, opens ? 2 : 0);
  });
}

test("Basic, which a browser remembers and sends along, opens nothing to a page of another site", async () => {
  const { app: hono, calls, refusals } = app({ tokens: ["new"] });
  const pages: Record<string, string>[] = [
    { origin: "https://evil.test" },
    { "sec-fetch-site": "cross-site" },
  ];
  for (const page of pages) {
    const headers = { host: "watchdog.test", authorization: basic("anna:new"), ...page };
    assert.equal((await hono.request("/tick", { method: "POST", headers })).status, 403);
    const response = await hono.request("/tick", {
      method: "POST",
      headers: { ...headers, authorization: "Bearer new" },
    });
    assert.equal(response.status, 200);
  }
  assert.equal(calls.ticks, 2);
  assert.match(refusals[0]!.why, /a web page sent it/);
  assert.doesNotMatch((await hono.request("/tick")).headers.get("www-authenticate")!, /basic/i);
});

test("a refused request is told, with why, and without what it brought", async () => {
  const { app: hono, refusals } = app({ tokens: ["sesame"] });
  const env = { incoming: { socket: { remoteAddress: "10.0.0.7" } } };
  await hono.request("/tick?token=planted", { method: "POST" }, env);
  await hono.request("/status", { headers: { authorization: "Bearer planted" } }, env);
  await hono.request("/livez", {}, env);
  await hono.request("/tick", { headers: { authorization: "Bearer sesame" } }, env);
  const [none, wrong, ...rest] = refusals;
  const shared = { address: "10.0.0.7", status: 401 };
  assert.deepEqual({ ...none, why: "" }, { ...shared, method: "POST", path: "/tick", why: "" });
  assert.deepEqual({ ...wrong, why: "" }, { ...shared, method: "GET", path: "/status", why: "" });
  assert.match(none!.why, /no token/);
  assert.match(wrong!.why, /neither in WATCHDOG_TOKEN nor/);
  assert.deepEqual(rest, []);
  assert.doesNotMatch(JSON.stringify(refusals), /planted|sesame/);
});

test("a refusal says what is needed, and not what the token is", async () => {
  const { app: hono } = app({ tokens: ["sesame"] });
  const response = await hono.request("/tick");
  assert.match(response.headers.get("www-authenticate") ?? "", /^Bearer/);
  const text = await response.text();
  assert.match(text, /Authorization: Bearer/);
  assert.doesNotMatch(text, /sesame/);
});

test("liveness and readiness ask for no token", async () => {
  const { app: hono } = app({ tokens: ["sesame"] });
  for (const path of ["/livez", "/readyz", "/health"]) {
    assert.equal((await hono.request(path)).status, 200, path);
    for (const method of ["HEAD", "OPTIONS"]) {
      assert.equal((await hono.request(path, { method })).status, 200, path);
    }
    assert.equal((await hono.request(path, { method: "POST" })).status, 405, path);
  }
});

test("an unready watchdog answers 503 with the reason", async () => {
  const { app: hono } = app({ readiness: () => ({ ok: false, reason: "the last tick completed 50 s ago" }) });
  for (const path of ["/readyz", "/health"]) {
    const response = await hono.request(path);
    assert.equal(response.status, 503);
    assert.match(await response.text(), /50 s ago/);
  }
  assert.equal((await hono.request("/livez")).status, 200);
});

test("while shutting down, a tick is refused with Retry-After, and connections are closed", async () => {
  const { app: hono, calls } = app({ accepting: () => false });
  const response = await hono.request("/tick", { method: "POST" });
  assert.equal(response.status, 503);
  assert.ok(Number(response.headers.get("retry-after")) > 0);
  assert.equal(response.headers.get("connection"), "close");
  assert.equal(calls.ticks, 0);
});

for (const [name, path, headers] of [
  ["?wait=0", "/tick?wait=0", {}],
  ["Prefer: respond-async", "/tick", { prefer: "respond-async" }],
] as const) {
  test(`${name} answers 202 at once, and the tick runs`, async () => {
    let started = false;
    const { app: hono } = app({
      tick: () => {
        started = true;
        return new Promise(() => {});
      },
    });
    const response = await hono.request(path, { headers });
    assert.equal(response.status, 202);
    assert.ok(started);
  });
}

test("a cycle that is not saved answers 500 with its report and why", async () => {
  const { app: hono } = app({ tick: async () => ({ ok: false, reason: "disk full", report: REPORT }) });
  const response = await hono.request("/tick");
  assert.equal(response.status, 500);
  const body = (await response.json()) as Record<string, unknown>;
  assert.equal(body.status, "error");
  assert.equal(body.error, "disk full");
  assert.equal(body.tick_id, "tick_1");
});

/** [what a browser or a client sends, whether it is let in without a token] */
const PAGES: [Record<string, string>, boolean][] = [
  [{ host: "127.0.0.1:8787" }, true],
  [{ host: "localhost:8787", "sec-fetch-site": "none" }, true],
  [{ host: "[::1]:8787", origin: "http://[::1]:8787", "sec-fetch-site": "same-origin" }, true],
  [{ host: "127.0.0.1:8787", origin: "https://evil.test" }, false],
  [{ host: "127.0.0.1:8787", origin: "null" }, false],
  [{ host: "127.0.0.1:8787", "sec-fetch-site": "cross-site" }, false],
  [{ host: "rebound.evil.test:8787" }, false],
];

for (const [headers, letIn] of PAGES) {
  test(`without a token, ${JSON.stringify(headers)} is ${letIn ? "let in" : "refused"}`, async () => {
    const { app: hono, calls, refusals } = app();
    const response = await hono.request("/tick", { method: "POST", headers });
    assert.equal(response.status, letIn ? 200 : 403);
    assert.equal(refusals.length, letIn ? 0 : 1);
    assert.equal(calls.ticks, letIn ? 1 : 0);
    assert.equal((await hono.request("/livez", { headers })).status, 200);
  });
}

test("an unknown path answers 404, and needs the token first", async () => {
  const { app: hono } = app({ tokens: ["sesame"] });
  assert.equal((await hono.request("/nothing")).status, 401);
  const headers = { authorization: "Bearer sesame" };
  const response = await hono.request(`/${"x".repeat(5000)}`, { headers });
  assert.equal(response.status, 404);
  assert.ok((await response.text()).length < 300);
});

test("a handler that throws answers 500 without its text", async () => {
  const { app: hono } = app({
    status: () => {
      throw new Error("token sesame");
    },
  });
  const response = await hono.request("/status");
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /sesame/);
});

for (const [code, status] of [
  ["done", 200],
  ["refused", 409],
  ["unknown_service", 404],
] as const) {
  test(`an answer of the core tagged ${code} is a ${status}, whatever its text says`, async () => {
    const text = "there is no service that needs it";
    const { app: hono } = app({ operate: async () => ({ code, text }) });
    const response = await hono.request("/services/executor/restart", { method: "POST" });
    assert.equal(response.status, status);
    assert.ok((await response.text()).includes(text));
  });
}
