import assert from "node:assert/strict";
import { createServer } from "node:http";
import type net from "node:net";
import { test } from "node:test";
import {
  answer,
  answersAfter,
  drips,
  floods,
  freePort,
  type HostileServer,
  hangsUp,
  neverAnswers,
  says,
  serve,
  serveSelfSigned,
} from "./hostile-servers.ts";
import { ask, httpCheck } from "./http-check.ts";

const check = await httpCheck();
const TIMEOUT_MS = 300;
/** For a machine with two busy cores. */
const SLACK_MS = 3000;

async function withServer(
  starting: Promise<HostileServer>,
  body: (server: HostileServer) => Promise<void>,
): Promise<void> {
  const server = await starting;
  try {
    await body(server);
  } finally {
    await server.close();
  }
}

interface Case {
  name: string;
  behave: (socket: net.Socket) => void;
  options?: object;
  passes?: boolean;
  reason: RegExp;
}

const long = "a".repeat(1000);
const body = { bodyIncludes: "ready" };
const CASES: Case[] = [
  { name: "a 200 passes", behave: says(answer("200 OK")), passes: true, reason: /^HTTP 200 in \d+ ms$/ },
  { name: "a 503 fails", behave: says(answer("503 Busy")), reason: /^HTTP 503 in \d+ ms$/ },
  { name: "a 204 fails unless it is expected", behave: says(answer("204 None", "")), reason: /^HTTP 204 in/ },
  {
    name: "an expected status passes",
    behave: says(answer("204 None", "")),
    options: { status: [[200, 299]] },
    passes: true,
    reason: /^HTTP 204 in/,
  },
  { name: "a server that never answers fails", behave: neverAnswers, reason: /^no answer in 300 ms$/ },
  { name: "a server that drips bytes fails", behave: drips(20), reason: /^no answer in 300 ms$/ },
  { name: "a 200 after the deadline fails", behave: answersAfter(600), reason: /^no answer in 300 ms$/ },
  {
    name: "endless headers fail",
    behave: floods("HTTP/1.1 200 OK\r\n", () => `x-more: ${long}\r\n`),
    reason: /^headers (over 16 KiB|too long)$/,
  },
  {
    name: "an endless line of status fails",
    behave: floods("HTTP/1.1 200 ", () => long),
    reason: /^(headers (over 16 KiB|too long)|malformed HTTP answer)$/,
  },
  {
    name: "endless interim answers fail",
    behave: floods("", () => "HTTP/1.1 103 Early\r\n\r\n".repeat(50)),
    reason: /^(no answer in 300 ms|malformed HTTP answer|HTTP 103 in .*)$/,
  },
  {
    name: "an endless body does not matter when it is not read",
    behave: floods("HTTP/1.1 200 OK\r\n\r\n", () => long),
    passes: true,
    reason: /^HTTP 200 in/,
  },
  {
    name: "an endless body is read up to 64 KiB",
    behave: floods("HTTP/1.1 200 OK\r\n\r\n", () => long),
    options: body,
    reason: /^body does not contain "ready" in its first 64 KiB$/,
  },
  {
    name: "a body that never ends is cut at the deadline",
    behave: (socket) => void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nread"),
    options: body,
    reason: /^body not complete in 300 ms$/,
  },
  {
    name: "a body that is cut off fails",
    behave: says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nread"),
    options: body,
    reason: /after the headers$/,
  },
  {
    name: "a body without the text fails",
    behave: says(answer("200 OK")),
    options: body,
    reason: /^body does not contain "ready"$/,
  },
  {
    name: "a text that arrives in pieces is found, without waiting for the body's end",
    behave: (socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nare you rea");
      setTimeout(() => socket.write("dy?"), 20);
    },
    options: body,
    passes: true,
    reason: /^HTTP 200 in/,
  },
  {
    name: "something else than HTTP fails",
    behave: says("SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    reason: /^malformed HTTP answer$/,
  },
  { name: "a closed connection fails", behave: hangsUp, reason: /^connection closed before an answer$/ },
  {
    name: "a hostile redirect fails, shown short and harmless",
    behave: says(
      answer("302 Found", "", `Location: http://u:p@login.test/\tx${"y".repeat(300)}?token=secret\r\n`),
    ),
    reason: /^HTTP 302 redirect to http:\/\/login\.test\/ xy{50,120}…: not followed$/,
  },
];

for (const { name, behave, options, passes = false, reason } of CASES) {
  test(name, () =>
    withServer(serve(behave), async ({ url, hits }) => {
      const { result, tookMs } = await ask(check, url, { timeoutMs: TIMEOUT_MS, options });
      assert.match(result.reason, reason);
      assert.equal(result.ok, passes);
      assert.equal("unknown" in result, false, "it says something about the service");
      assert.ok(tookMs < TIMEOUT_MS + SLACK_MS, `took ${tookMs} ms`);
      assert.equal(hits(), 1, "asked exactly once: no retry, no redirect followed");
    }),
  );
}

test("a redirect shows where to, but no query: it often carries a token", () =>
  withServer(serve(says(answer("302 Found", "", "Location: /login?token=secret#x\r\n"))), async ({ url }) => {
    assert.equal((await ask(check, url)).result.reason, "HTTP 302 redirect to /login: not followed");
  }));

test("a redirect to itself is asked once", () =>
  withServer(serve(says(answer("301 Moved", "", "Location: /health\r\n"))), async ({ url, hits }) => {
    const { result } = await ask(check, url);
    assert.equal(result.reason, "HTTP 301 redirect to /health: not followed");
    assert.equal(hits(), 1);
  }));

test("a refused connection fails at once", async () => {
  const { result } = await ask(check, `http://127.0.0.1:${await freePort()}/`);
  assert.deepEqual(result, { ok: false, reason: "connection refused" });
});

test("an unknown host fails, and is named", async () => {
  const { result } = await ask(check, "http://something.invalid/", { timeoutMs: 5000 });
  assert.equal(result.ok, false);
  assert.match(result.reason, /^unknown host something\.invalid/);
});

test("a certificate that nobody vouches for fails, and no request is sent", () =>
  withServer(serveSelfSigned(says(answer("200 OK"))), async ({ url, hits }) => {
    const { result } = await ask(check, url, { timeoutMs: 3000 });
    assert.equal(result.ok, false);
    assert.match(result.reason, /^certificate is (self-signed|signed by an unknown authority)/);
    assert.equal(hits(), 0);
  }));

test("https to a server without TLS fails", () =>
  withServer(serve(says(answer("400 Bad"))), async ({ port }) => {
    const { result } = await ask(check, `https://127.0.0.1:${port}/`, { timeoutMs: 3000 });
    assert.equal(result.ok, false);
    assert.match(result.reason, /TLS/);
  }));

test("TLS that is never answered is cut at the deadline", () =>
  withServer(serve(neverAnswers), async ({ port }) => {
    const { result, tookMs } = await ask(check, `https://127.0.0.1:${port}/`);
    assert.deepEqual(result, { ok: false, reason: "no answer in 300 ms" });
    assert.ok(tookMs < TIMEOUT_MS + SLACK_MS);
  }));

test("path, query, method and headers arrive, on a fresh connection each time", async () => {
  const requests: string[] = [];
  const sockets = new Set<unknown>();
  const server = createServer((request, response) => {
    sockets.add(`${request.socket.remotePort}`);
    requests.push(`${request.method} ${request.url} ${request.headers["x-token"]}`);
    response.end("ok");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  try {
    const url = `http://127.0.0.1:${(server.address() as net.AddressInfo).port}/a%20b?c=d&e`;
    const options = { method: "POST", headers: { "X-Token": "t1" } };
    for (let i = 0; i < 2; i++) assert.equal((await ask(check, url, { options })).result.ok, true);
    assert.deepEqual(requests, ["POST /a%20b?c=d&e t1", "POST /a%20b?c=d&e t1"]);
    // A body that was read to its end is what a pool would keep the connection for.
    for (let i = 0; i < 2; i++) await ask(check, url, { options: { bodyIncludes: "absent" } });
    assert.equal(sockets.size, 4, "a pooled connection would hide that nobody listens any more");
  } finally {
    await new Promise((closed) => server.close(closed));
  }
});

test("localhost is tried on its other address too", () =>
  withServer(serve(says(answer("200 OK"))), async ({ port }) => {
    const { result } = await ask(check, `http://localhost:${port}/`, { timeoutMs: 3000 });
    assert.equal(result.ok, true, result.reason);
  }));

test("an IPv6 address is asked", async (t) => {
  const starting = await serve(says(answer("200 OK")), "::1").catch(() => undefined);
  if (!starting) return t.skip("no IPv6 on this machine");
  await withServer(Promise.resolve(starting), async ({ url }) => {
    assert.equal((await ask(check, url)).result.ok, true);
  });
});

test("an aborted check is unknown, at once", () =>
  withServer(serve(neverAnswers), async ({ url }) => {
    const stopping = new AbortController();
    const asked = ask(check, url, { timeoutMs: 10_000, signal: stopping.signal });
    stopping.abort(new Error("shutting down"));
    const { result, tookMs } = await asked;
    assert.deepEqual(result, { ok: false, unknown: true, reason: "check aborted: shutting down" });
    assert.ok(tookMs < SLACK_MS);
  }));

test("hanging services delay no other's verdict, and get their whole time", async () => {
  const narrow = await httpCheck(10);
  const [hanging, healthy] = await Promise.all([serve(neverAnswers), serve(says(answer("200 OK")))]);
  const timeoutMs = 1500;
  try {
    const startedMs = performance.now();
    const slow = Array.from({ length: 20 }, () => ask(narrow, hanging.url, { timeoutMs }));
    const fast = Array.from({ length: 100 }, () => ask(narrow, healthy.url, { timeoutMs }));
    const verdicts = await Promise.all(fast);
    const tookMs = performance.now() - startedMs;
    assert.ok(verdicts.every(({ result }) => result.ok));
    assert.ok(tookMs < timeoutMs / 2, `the healthy ones took ${tookMs} ms`);
    for (const { result, tookMs } of await Promise.all(slow)) {
      assert.deepEqual(result, { ok: false, reason: "no answer in 1.5 s" });
      assert.ok(tookMs >= timeoutMs - 1, `cut after ${tookMs} ms`);
    }
  } finally {
    await Promise.all([hanging.close(), healthy.close()]);
  }
});
