/**
 * Every status with and without an upgrade, in pieces of a byte, split and cut off at every byte: each check
 * ends in its time with the right verdict, gives its place back and closes its connection.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type AnswerServer, openAnswerServer, type Script } from "./answer-server.ts";
import { ask, httpCheck } from "./http-check.ts";

const PLACES = 32;
/** As many again for each place may wait for an answer without one. */
const MOST_AT_ONCE = PLACES * 9;
const SHORT_MS = 100;
const LONG_MS = 20_000;
/** For a machine with two busy cores. */
const SLACK_MS = 5000;
const TEST_MS = 120_000;

const ALL = Array.from({ length: 500 }, (_, i) => 100 + i);
/** One of each kind: interim, switching, with and without a body, a redirect, a failure. */
const KINDS = [100, 101, 103, 199, 200, 204, 302, 304, 426, 503, 599];
const TWO = ["", "Upgrade: websocket\r\nConnection: Upgrade\r\n"];
const HALF_AN_UPGRADE = ["Upgrade: h2c\r\n", "Connection: upgrade\r\n"];
const ANY = { status: [[100, 599]] };

interface Case extends Script {
  status: number;
  /** Whether the whole head is sent; a part of it is no answer. */
  whole: boolean;
  /** Whether the whole body is sent too. */
  complete: boolean;
  options: { status?: number[][]; bodyIncludes?: string; headers?: { host: string } };
}

const isInterim = (status: number) => status < 200 && status !== 101;
const hasBody = (status: number) => status >= 200 && status !== 204 && status !== 304;

/** The head of an answer, and its body. */
function written(status: number, upgrade: string): [head: string, body: string] {
  const length = hasBody(status) ? "Content-Length: 2\r\n" : "";
  return [`HTTP/1.1 ${status} Status\r\n${upgrade}${length}\r\n`, hasBody(status) ? "ok" : ""];
}

function cases(
  statuses: readonly number[],
  upgrades: readonly string[],
  pieces: (text: string) => string[][],
  then: Script["then"],
  options: Case["options"] = {},
): Case[] {
  return statuses.flatMap((status) =>
    upgrades.flatMap((upgrade) => {
      const [head, body] = written(status, upgrade);
      return pieces(head + body).map((sent): Case => {
        const { length } = sent.join("");
        const whole = length >= head.length;
        return { status, pieces: sent, then, options, whole, complete: length === head.length + body.length };
      });
    }),
  );
}

const everyByte = (text: string) => [[...text]];
const splitAtEach = (text: string) => [...text].map((_, at) => [text.slice(0, at), text.slice(at)]);
const cutAtEach = (text: string) => [...text].map((_, at) => [text.slice(0, at)]);

/** What the check must say. */
function expected({ status, whole, complete, then, options }: Case): [ok: boolean, reason: RegExp] {
  if (isInterim(status) || !whole) {
    if (then === "stay") return [false, /^no answer in 100 ms$/];
    return [false, /^(connection (closed|reset) before an answer|malformed HTTP answer)$/];
  }
  const ok = options.status !== undefined || status === 200;
  if (ok && options.bodyIncludes !== undefined && !complete) {
    if (then === "stay") return [false, /^(body not complete|no answer) in 100 ms$/];
    return [false, /, after the headers$/];
  }
  return [ok, new RegExp(`^HTTP ${status} in `)];
}

const isWhole = ({ whole }: Case) => whole;
const isPart = ({ whole }: Case) => !whole;
const hangs = (one: Case) => expected(one)[1].source.endsWith(" in 100 ms$");

let server: AnswerServer;
const check = await httpCheck(PLACES);

before(async () => {
  server = await openAnswerServer();
});

after(() => server.close());

async function judge(one: Case): Promise<string[]> {
  const url = server.url(one);
  const timeoutMs = hangs(one) ? SHORT_MS : LONG_MS;
  const { result } = await ask(check, url, { timeoutMs, options: one.options });
  // On a busy machine, the request itself may be too late.
  const tookMs = performance.now() - (server.arrivedMs(url) ?? performance.now());
  const [ok, reason] = expected(one);
  const inTime = tookMs < (hangs(one) ? SHORT_MS + SLACK_MS : SLACK_MS);
  if (result.ok === ok && reason.test(result.reason) && !("unknown" in result) && inTime) return [];
  const sent = JSON.stringify(one.pieces.join("|"));
  return [`${sent}, ${one.then}: ${JSON.stringify(result)} after ${tookMs} ms, not ${ok} ${reason}`];
}

const WITH_BODY = { bodyIncludes: "ok" };
const RUNS: [name: string, cases: Case[]][] = [
  ["every status, byte by byte", cases(ALL, TWO, everyByte, "end")],
  ["half an upgrade", cases(KINDS, HALF_AN_UPGRADE, everyByte, "end")],
  ["byte by byte, and no end", cases(KINDS, TWO, everyByte, "stay")],
  // Deno makes these requests over another client.
  ["a Host of its own", cases(KINDS, TWO, everyByte, "stay", { headers: { host: "app.example.com" } })],
  ["every status, where any is expected", cases(ALL, TWO, (text) => [[text]], "end", ANY)],
  ["an answer in two pieces", cases(KINDS, TWO, splitAtEach, "end")],
  ["an answer that is cut off by the end", cases(KINDS, TWO, cutAtEach, "end")],
  ["an answer that is cut off and stays so", cases([101, 103, 200, 204], TWO, cutAtEach, "stay")],
  // Of a whole head before a reset, the system may deliver nothing.
  ["an answer that is cut off by a reset", cases(KINDS, TWO, cutAtEach, "reset").filter(isPart)],
  ["a body in two pieces", cases([200], TWO, splitAtEach, "stay", WITH_BODY)],
  ["a body that is cut off by the end", cases([200], TWO, cutAtEach, "end", WITH_BODY)],
  ["a body that stays cut off", cases([200], TWO, cutAtEach, "stay", WITH_BODY).filter(isWhole)],
];

for (const [name, all] of RUNS) {
  test(`${name}: ${all.length} answers`, { timeout: TEST_MS }, async () => {
    const wrong = (await Promise.all(all.map(judge))).flat();
    assert.deepEqual(wrong.slice(0, 10), [], `${wrong.length} of ${all.length} are wrong`);
    await server.quiet();
  });
}

test("after all that, as many checks as ever can be in flight: no place was lost", {
  timeout: TEST_MS,
}, async () => {
  const url = server.together(MOST_AT_ONCE);
  const all = Array.from({ length: MOST_AT_ONCE }, () => ask(check, url, { timeoutMs: LONG_MS }));
  for (const { result } of await Promise.all(all)) assert.equal(result.ok, true, result.reason);
  await server.quiet();
});
