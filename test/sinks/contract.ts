/** What every sink over HTTP must do, whoever receives: one suite, run on each against a real receiver. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { deliver } from "../../src/delivery/send.ts";
import type { Alert, Clock, Delivery, Earlier, HttpSink } from "../../src/plugin.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { DOWN, FAILURE, HOSTILE_TEXTS, manyAlerts, RECOVERED, withText } from "./alerts.ts";
import { type Answer, type Receiver, startReceiver } from "./receiver.ts";

type Outcome = Delivery["outcome"] | "disabled";

export interface SinkCase {
  /** Names the tests and the golden files. */
  name: string;
  /** A sink that sends to a receiver at this origin, with every one of `secrets` in its settings. */
  make(origin: string): HttpSink;
  /** Planted tokens, paths and keys: they may be seen by the receiver and by nobody else. */
  secrets: string[];
  /** Those that a request has in its body: only the settings tell the redactor of them. */
  inBody?: string[];
  /** What this provider answers when it took the alert; a status that may have a body, so not 204. */
  success: { status: number; body?: string };
  /** Further answers of this provider, by what they are, and what each must come to. */
  answers?: Record<string, { answer: Answer; outcome: Outcome; retryAfterMs?: number }>;
  /** 404: `disabled` at those providers that delete a webhook so. Default `rejected`. */
  notFound?: Outcome;
  /** A success status whose body never ends. Default `delivered`. */
  endlessSuccess?: Outcome;
  /** A 429 that says when in its body alone. Default `{"retry_after": 7.5}`. */
  limitedInBody?: string;
  /** The most bytes that the provider takes. */
  bodyLimitBytes: number;
  /** The text in a body where the message is found, as a reader would see it. */
  messageIn(body: string): string;
  /** What must not be in any body: a mention that pings everyone. */
  never?: RegExp;
  /** Asserts what the provider publishes of a body: fields that it wants, the lengths that it takes. */
  // biome-ignore lint/suspicious/noExplicitAny: a body is read as the provider would.
  rules?(body: any): void;
}

/** Time as it is; the deadline of the tests is short. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const timer = setTimeout(resolve, ms);
      const end = () => {
        clearTimeout(timer);
        resolve();
      };
      signal?.addEventListener("abort", end, { once: true });
    }),
};

/** As a watchdog has them whose settings hold these secrets. */
export const portsKnowing = (secrets: readonly string[]) => ({
  clock: realClock,
  redact: createRedactor(secrets),
});
export const REAL_PORTS = portsKnowing([]);

/** What came of earlier attempts: there were none. */
export const FIRST: Earlier = { attempts: 0, lastReason: "" };

const DEADLINE_MS = 250;

export function sinkContract(sinkCase: SinkCase): void {
  const { name, make, success } = sinkCase;
  const reasons: string[] = [];
  let receiver: Receiver;
  let sink: HttpSink;

  async function attempt(alert: Alert = DOWN, timeoutMs = 10_000): Promise<Delivery> {
    const delivery = await deliver(sink, alert, portsKnowing(sinkCase.inBody ?? []), undefined, {
      timeoutMs,
    });
    reasons.push(delivery.reason);
    return delivery;
  }

  async function expectOf(answer: Answer, outcome: Outcome, retryAfterMs?: number): Promise<void> {
    receiver.answers(answer);
    const delivery = await attempt();
    assert.equal(outcomeOf(delivery), outcome, delivery.reason);
    if (retryAfterMs !== undefined) {
      assert.equal(delivery.outcome === "retry" && delivery.retryAfterMs, retryAfterMs);
    }
    // Deno's fetch sends again by itself when a kept connection was closed under it.
    const most = "play" in answer && answer.play === "reset" && "Deno" in globalThis ? 2 : 1;
    assert.ok(receiver.received.length <= most, `${receiver.received.length} requests in one attempt`);
  }

  describe(`the sink ${name}`, () => {
    before(async () => {
      receiver = await startReceiver();
      sink = make(receiver.url);
    });
    after(() => receiver.close());

    const table: Record<string, { answer: Answer; outcome: Outcome; retryAfterMs?: number }> = {
      "its success": { answer: success, outcome: "delivered" },
      "429 with a header": {
        answer: { status: 429, headers: { "retry-after": "7" } },
        outcome: "retry",
        retryAfterMs: 7000,
      },
      "429 with the wait in the body alone": {
        answer: { status: 429, body: sinkCase.limitedInBody ?? '{"message":"slow down","retry_after":7.5}' },
        outcome: "retry",
        retryAfterMs: 7500,
      },
      "404": { answer: { status: 404 }, outcome: sinkCase.notFound ?? "rejected" },
      "410": { answer: { status: 410 }, outcome: "disabled" },
      "400": { answer: { status: 400 }, outcome: "rejected" },
      "500 with nonsense": { answer: { status: 500, body: "<html>\u0000{{{" }, outcome: "retry" },
      "a closed connection": { answer: { play: "reset" }, outcome: "retry" },
      "a success whose body never ends": {
        answer: { play: "endless", ...success },
        outcome: sinkCase.endlessSuccess ?? "delivered",
      },
      ...sinkCase.answers,
    };
    for (const [what, { answer, outcome, retryAfterMs }] of Object.entries(table)) {
      test(`${what} is ${outcome}`, () => expectOf(answer, outcome, retryAfterMs));
    }

    for (const status of [301, 302, 307, 308]) {
      test(`a redirect with ${status} is not followed and not a success`, async () => {
        const location = `${receiver.url}/elsewhere`;
        await expectOf({ status, headers: { location }, ...bodyOf(success) }, "rejected");
      });
    }

    test("an endless answer is read no further than its limit", async () => {
      const before = receiver.written();
      receiver.answers({ play: "endless", status: 500 });
      assert.equal((await attempt()).outcome, "retry");
      assert.ok(receiver.written() - before < 16 * 1024 * 1024, "the rest of the answer was read too");
    });

    test("an alert that failed with 503 arrives unchanged at the next attempt", async () => {
      receiver.answers({ status: 503 }, success);
      assert.equal((await attempt()).outcome, "retry");
      assert.equal((await attempt()).outcome, "delivered");
      const [first, second] = receiver.received;
      assert.deepEqual(second!.body, first!.body);
      assert.equal(second!.headers["webhook-id"], first!.headers["webhook-id"]);
    });

    for (const play of ["silent", "unfinished"] as const) {
      test(`a receiver whose answer is ${play} is given up at the deadline`, async () => {
        receiver.answers({ play, ...success });
        const delivery = await attempt(DOWN, DEADLINE_MS);
        assert.deepEqual(delivery, { outcome: "retry", reason: "no answer in 0.25 s" });
      });
    }

    test("a receiver that is not there is tried again", async () => {
      const gone = await startReceiver();
      await gone.close();
      const delivery = await deliver(make(gone.url), DOWN, REAL_PORTS);
      assert.deepEqual(delivery, { outcome: "retry", reason: "connection refused" });
    });

    for (const [what, text] of Object.entries(HOSTILE_TEXTS)) {
      test(`a message of ${what} arrives whole or cut, never broken`, async () => {
        for (const alert of [DOWN, RECOVERED, FAILURE]) {
          receiver.answers(success);
          assert.equal((await attempt(withText(alert, text))).outcome, "delivered");
          const { body } = receiver.received[0]!;
          const sent = new TextDecoder("utf-8", { fatal: true }).decode(body);
          assertWholeOrCut(sinkCase.messageIn(sent), text);
          assertBody(sinkCase, sent);
        }
      });
    }

    goldenBodies(name, make, sinkCase);
    if (make("http://127.0.0.1:1").formatMany) together(sinkCase);

    test("its secrets are in no reason and not in its target", () => {
      assert.ok(reasons.length > 20, "the other tests ran first");
      for (const secret of sinkCase.secrets) {
        for (const shown of [sink.name, sink.target, ...reasons]) {
          assert.ok(!shown.includes(secret), `${shown} shows a secret`);
        }
      }
    });
  });
}

/** Several alerts of one moment in one message: all are told, whatever they are and however many. */
function together(sinkCase: SinkCase): void {
  const { name, make } = sinkCase;
  const bodyOf = (alerts: Alert[]) => make("http://127.0.0.1:1").formatMany!(alerts).body;

  const file = `${name}.together.json`;
  test(`several alerts are one message, as in golden/${file}`, () => {
    const body = bodyOf([DOWN, RECOVERED, FAILURE]);
    assertBody(sinkCase, body);
    assertGolden(file, body);
  });

  for (const count of [2, 10, 30]) {
    test(`${count} alerts in one message are all told`, () => {
      const alerts = manyAlerts(count);
      const body = bodyOf(alerts);
      assertBody(sinkCase, body);
      for (const { title } of alerts) assert.ok(body.includes(title), title);
    });
    test(`${count} hostile alerts are one message within the limits`, () => {
      for (const text of Object.values(HOSTILE_TEXTS)) {
        assertBody(sinkCase, bodyOf(manyAlerts(count).map((alert) => withText(alert, text))));
      }
    });
  }
}

/** Compares bodies with `golden/<name>.<event>.json`; `UPDATE_GOLDEN=1` writes them instead. */
export function goldenBodies(
  name: string,
  make: (origin: string) => HttpSink,
  rules: Pick<SinkCase, "bodyLimitBytes" | "never" | "rules"> = { bodyLimitBytes: 20_000 },
): void {
  for (const alert of [DOWN, RECOVERED, FAILURE]) {
    const file = `${name}.${alert.event_type.toLowerCase()}.json`;
    test(`the body of ${alert.event_type} is as in golden/${file}`, () => {
      const { body } = make("http://127.0.0.1:1").format(alert);
      assertBody(rules, body);
      assertGolden(file, body);
    });
  }
}

function assertGolden(file: string, text: string): void {
  const path = new URL(`./golden/${file}`, import.meta.url);
  const body = JSON.stringify(JSON.parse(text), null, 2);
  if (process.env.UPDATE_GOLDEN === "1") {
    mkdirSync(new URL(".", path), { recursive: true });
    writeFileSync(path, `${body}\n`);
  }
  const golden = JSON.parse(readFileSync(path, "utf8"));
  assert.equal(body, JSON.stringify(golden, null, 2));
}

function assertBody(
  { bodyLimitBytes, never, rules }: Pick<SinkCase, "bodyLimitBytes" | "never" | "rules">,
  sent: string,
): void {
  const bytes = new TextEncoder().encode(sent).length;
  assert.ok(bytes <= bodyLimitBytes, `${bytes} bytes`);
  assert.doesNotMatch(sent, /\\ud[89ab]..(?!\\ud)/i, "half a surrogate pair");
  if (never) assert.doesNotMatch(sent, never);
  rules?.(JSON.parse(sent));
}

/** Whole, or the beginning and an ellipsis; only half a surrogate pair may be replaced. */
function assertWholeOrCut(seen: string, text: string): void {
  const whole = text.replace(/\p{Surrogate}/gu, "\uFFFD");
  if (seen === whole) return;
  assert.ok(seen.endsWith("…") && seen.length > 200, `neither whole nor cut: ${seen.slice(0, 80)}`);
  assert.ok(whole.startsWith(seen.slice(0, -1)), "what is left is not the beginning");
}

function outcomeOf(delivery: Delivery): Outcome {
  return delivery.outcome === "rejected" && delivery.disable ? "disabled" : delivery.outcome;
}

function bodyOf({ body }: { body?: string }): { body?: string } {
  return body === undefined ? {} : { body };
}
