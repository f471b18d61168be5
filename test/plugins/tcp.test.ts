import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import type net from "node:net";
import { test } from "node:test";
import * as v from "valibot";
import { createAlarms } from "../../plugins/network/alarms.ts";
import { createLookup } from "../../plugins/network/lookup.ts";
import { probe } from "../../plugins/tcp/probe.ts";
import { tcpServiceOptions } from "../../plugins/tcp/settings.ts";
import type { CheckResult } from "../../src/plugin.ts";
import { freePort } from "./hostile-servers.ts";
import { ask, realClock } from "./http-check.ts";
import {
  drips,
  floods,
  hangsUp,
  isDead,
  isWell,
  peer,
  replies,
  resets,
  says,
  tcpCheck,
} from "./tcp-peers.ts";
import { until } from "./until.ts";

const check = tcpCheck();
const TIMEOUT_MS = 300;
/** For a machine with two busy cores. */
const ON_DENO = "Deno" in globalThis;
const SLACK_MS = 3000;
const GIGABYTE = 1024 ** 3;

interface Case {
  name: string;
  behave: (socket: net.Socket) => void;
  options?: { send?: string; expect?: string };
  passes?: boolean;
  reason: RegExp;
}

const ready = { expect: "ready" };
const ping = { send: "PING\r\n", expect: "+PONG" };
const CONNECTED = /^connected in \d+ ms$/;
const ANSWERED = /^answered as expected in \d+ ms$/;
const binary = Buffer.from([0xff, 0x00, 0xfe, 0x1b, 0x5b, 0x33, 0x31, 0x6d, 0xe2, 0x80, 0xae, 0x80, 0x72]);

const CASES: Case[] = [
  { name: "a peer that is well passes", behave: isWell, passes: true, reason: CONNECTED },
  { name: "a peer that greets passes", behave: says("220 mail\r\n"), passes: true, reason: CONNECTED },
  { name: "a peer that says nothing passes", behave: isDead, passes: true, reason: CONNECTED },
  { name: "a flood passes", behave: floods(GIGABYTE), passes: true, reason: CONNECTED },
  { name: "a peer that hangs up at once fails", behave: hangsUp, reason: /^connection closed at once: does/ },
  { name: "a peer that resets at once fails", behave: resets, reason: /^connection reset before an answer$/ },
  {
    name: "a greeting that is the wanted one passes",
    behave: says("220 mail ready\r\n"),
    options: ready,
    passes: true,
    reason: ANSWERED,
  },
  {
    name: "an answer in pieces passes",
    behave: (socket) => {
      isWell(socket);
      socket.write("are you rea");
      setTimeout(() => socket.write("dy?"), 20);
    },
    options: ready,
    passes: true,
    reason: ANSWERED,
  },
  {
    name: "a peer that answers what was sent passes",
    behave: replies((line) => (line === "PING\r\n" ? "+PONG\r\n" : "-ERR\r\n")),
    options: ping,
    passes: true,
    reason: ANSWERED,
  },
  {
    name: "another answer fails, and is shown",
    behave: replies(() => "-NOAUTH Authentication required\r\n"),
    options: ping,
    reason: /^answer "-NOAUTH Authentication required" does not contain "\+PONG" in 300 ms$/,
  },
  {
    name: "an answer that repeats what was sent is shown without it",
    behave: replies((line) => `-ERR unknown command ${line}`),
    options: { send: "AUTH hunter2\r\n", expect: "+OK" },
    reason: /^answer "-ERR unknown command \[redacted\] \[redacted\]" does not contain "\+OK" in 300 ms$/,
  },
  { name: "no answer fails", behave: isDead, options: ready, reason: /^no answer in 300 ms$/ },
  {
    name: "a peer that answers and hangs up fails at once",
    behave: (socket) => void socket.end("bye"),
    options: ready,
    reason: /^answer "bye" does not contain "ready"$/,
  },
  {
    name: "a peer that hangs up without an answer fails",
    behave: hangsUp,
    options: ready,
    reason: /^connection closed before an answer$/,
  },
  {
    name: "drips fail at the deadline",
    behave: drips(20),
    options: ready,
    reason: /^answer "x+" does not contain "ready" in 300 ms$/,
  },
  {
    name: "a flood is read up to 64 KiB",
    behave: floods(GIGABYTE),
    options: ready,
    reason: /^answer "x{60}…" does not contain "ready" in its first 64 KiB$/,
  },
  {
    name: "binary rubbish is shown harmless",
    behave: (socket) => void socket.end(binary),
    options: ready,
    reason: /^answer "[^\p{Cc}\p{Cf}]+r" does not contain "ready"$/u,
  },
  {
    name: "a peer that closes only its side fails",
    behave: (socket) => {
      socket.write("half");
      socket.end();
      socket.pause();
    },
    options: ready,
    reason: /^answer "half" does not contain "ready"$/,
  },
];

for (const { name, behave, options, passes = false, reason } of CASES) {
  test(name, async () => {
    const server = await peer(behave);
    try {
      const { result, tookMs } = await ask(check, server.url, { timeoutMs: TIMEOUT_MS, options });
      assert.match(result.reason, reason);
      assert.equal(result.ok, passes);
      assert.deepEqual(Object.keys(result), ["ok", "reason"], "it says something about the service");
      assert.ok(tookMs < TIMEOUT_MS + SLACK_MS, `took ${tookMs} ms`);
      assert.equal(server.taken(), 1);
    } finally {
      await server.close();
    }
  });
}

const faultIn = (result: CheckResult) => (result.ok ? "ok" : result.fault);

test("a refused connection fails at once: the machine has answered", async () => {
  const { result } = await ask(check, `tcp://127.0.0.1:${await freePort()}`);
  assert.deepEqual(result, { ok: false, reason: "connection refused" });
});

test("an unknown host fails, and is named", async () => {
  const { result } = await ask(check, "tcp://something.invalid:1", { timeoutMs: 5000 });
  assert.match(result.reason, /^unknown host something\.invalid/);
  assert.equal(faultIn(result), "unresolved");
});

test("an IPv6 address is asked", async (t) => {
  const server = await peer(isWell, "::1").catch(() => undefined);
  if (!server) return t.skip("no IPv6 on this machine");
  const { result } = await ask(check, server.url, { timeoutMs: 3000 });
  await server.close();
  assert.equal(result.ok, true, result.reason);
});

test("localhost is tried on its other address too", async () => {
  const server = await peer(isWell);
  const { result } = await ask(check, `tcp://localhost:${server.port}`, { timeoutMs: 3000 });
  await server.close();
  assert.equal(result.ok, true, result.reason);
});

test("an aborted check is unknown, at once, and its connection is closed", async () => {
  const server = await peer(isDead);
  const stopping = new AbortController();
  const options = { expect: "ready" };
  const asked = ask(check, server.url, { timeoutMs: 10_000, signal: stopping.signal, options });
  await until(() => server.open() === 1);
  stopping.abort(new Error("shutting down"));
  const { result } = await asked;
  assert.deepEqual(result, { ok: false, unknown: true, reason: "check aborted: shutting down" });
  await server.close();
});

const service = (url: string, timeoutMs: number) => ({
  ...{ name: "x", displayName: "X", url, container: "", timeoutMs, options: {} },
});

/** A probe of names that are looked up as the test says. */
function looking(url: string, resolved: () => Promise<LookupAddress[]>, timeoutMs = 100) {
  const alarms = createAlarms(realClock);
  const lookup = createLookup(alarms, resolved, () => new Promise<LookupAddress[]>(() => {}));
  const world = { clock: realClock, alarms, lookup };
  return probe(service(url, timeoutMs), {}, new AbortController().signal, world);
}

test("a name's other address is tried when the first refuses", async () => {
  const server = await peer(isWell);
  const both = [
    { address: "::1", family: 6 },
    { address: "127.0.0.1", family: 4 },
  ];
  const result = await looking(`tcp://both.test:${server.port}`, async () => both, 3000);
  await server.close();
  assert.equal(result.ok, true, result.reason);
});

test("without a connection at the deadline, it says whether the name or the way was missing", async () => {
  assert.deepEqual(await looking("tcp://executor:1", () => new Promise(() => {})), {
    ok: false,
    fault: "unresolved",
    reason: "host executor not resolved in 100 ms",
  });
  const never = { lookup() {}, isPending: () => false };
  const world = { clock: realClock, alarms: createAlarms(realClock), lookup: never };
  const result = await probe(service("tcp://executor:1", 100), {}, new AbortController().signal, world);
  assert.deepEqual(result, { ok: false, fault: "unconnected", reason: "no connection in 100 ms" });
});

test("want of a socket says nothing about the service", async () => {
  for (const code of ["EMFILE", "ENFILE", "ENOBUFS", "EADDRNOTAVAIL", "EAI_MEMORY"]) {
    const error = Object.assign(new Error(code), { code });
    const result = await looking("tcp://executor:1", () => Promise.reject(error));
    assert.equal(!result.ok && result.unknown, true, result.reason);
  }
});

test("a thousand checks leave no socket and no timer, and reset no connection", async () => {
  const pong = replies(() => "+PONG\r\n");
  const kinds: [behave: (socket: net.Socket) => void, options: object][] = [
    [isWell, {}],
    [says("220 hello\r\n"), {}],
    [pong, ping],
    [hangsUp, ready],
    [isDead, {}],
    [floods(GIGABYTE), ready],
  ];
  const servers = await Promise.all(kinds.map(([behave]) => peer(behave)));
  const own = tcpCheck();
  const held = () => process.getActiveResourcesInfo().filter((one) => /^(TCP.*|Timeout)$/.test(one)).length;
  const before = ON_DENO ? 0 : held();
  for (let round = 0; round < 4; round++) {
    const all = Array.from({ length: 252 }, (_, i) => {
      const at = i % kinds.length;
      return ask(own, servers[at]!.url, { timeoutMs: 20_000, options: kinds[at]![1] });
    });
    for (const { tookMs } of await Promise.all(all)) assert.ok(tookMs < 15_000, `took ${tookMs} ms`);
  }
  const [well, greets, answers, leaves] = servers;
  for (const server of [well, greets, answers, leaves]) {
    await until(() => server!.open() === 0);
    assert.equal(server!.resets(), 0);
  }
  await Promise.all(servers.map((server) => server.close()));
  if (!ON_DENO) await until(() => held() < before);
});

test("a wrong setting says what is accepted, at its path", () => {
  assert.deepEqual(v.parse(tcpServiceOptions, ping), ping);
  for (const [input, path] of [
    [{ expect: "" }, "expect"],
    [{ send: "x".repeat(1001) }, "send"],
    [{ expects: "x" }, "expects"],
  ] as const) {
    const { issues } = v.safeParse(tcpServiceOptions, input);
    assert.deepEqual(
      issues?.map((issue) => v.getDotPath(issue)),
      [path],
    );
  }
});
