import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Webhook } from "standardwebhooks";
import * as v from "valibot";
import { formatBody } from "../../plugins/webhook/body.ts";
import type { WebhookReceiver } from "../../plugins/webhook/options.ts";
import webhook, { webhookSink } from "../../plugins/webhook.ts";
import { deliver } from "../../src/delivery/send.ts";
import { cut, type Sink, type Watchdog } from "../../src/plugin.ts";
import { DOWN, HOSTILE_TEXTS, RECOVERED, withText } from "./alerts.ts";
import { goldenBodies, REAL_PORTS, realClock, sinkContract } from "./contract.ts";
import { saidBy } from "./declaration.ts";
import { type Received, type Receiver, startReceiver } from "./receiver.ts";

const secretOf = (letter: string) => `whsec_${btoa(letter.repeat(32))}`;
const OLD = secretOf("o");
const NEW = secretOf("n");
const OPTIONS: Omit<WebhookReceiver, "url"> = { secret: [], format: "alert", headers: {} };

const makeWith = (options: Partial<WebhookReceiver>) => (origin: string) =>
  webhookSink(
    "webhook",
    { ...OPTIONS, ...options, url: `${origin}/hook/planted-path?token=planted-query` },
    Date.now,
  );

sinkContract({
  name: "webhook",
  make: makeWith({ secret: [NEW], headers: { authorization: "Bearer planted-token" } }),
  secrets: ["planted-path", "planted-query", "planted-token", NEW.slice(6)],
  success: { status: 200, body: "accepted" },
  answers: {
    "204": { answer: { status: 204 }, outcome: "delivered" },
    "200 with a failing body": {
      answer: { status: 200, body: '{"ok":false,"error":"no"}' },
      outcome: "delivered",
    },
    "413": { answer: { status: 413 }, outcome: "rejected" },
    "408": { answer: { status: 408 }, outcome: "retry" },
    "503 with a wait of a century": {
      answer: { status: 503, headers: { "retry-after": "3000000000" } },
      outcome: "retry",
      retryAfterMs: 3_000_000_000_000,
    },
  },
  bodyLimitBytes: 20_000,
  messageIn: (body) => JSON.parse(body).message,
});
describe("the sink webhook as CloudEvents", () => {
  goldenBodies("webhook-cloudevents", makeWith({ format: "cloudevents" }));
});
describe("the sink webhook with a JSON key", () => {
  goldenBodies("webhook-json-key", makeWith({ jsonKey: "text" }));
});

test("several JSON keys have the same message", () => {
  const { body } = makeWith({ jsonKey: ["text", "content"] })("https://r.example").format(DOWN);
  assert.deepEqual(JSON.parse(body), { text: DOWN.message, content: DOWN.message });
});

describe("what a webhook is sent", () => {
  let receiver: Receiver;
  before(async () => {
    receiver = await startReceiver();
  });
  after(() => receiver.close());

  async function sent(
    options: Partial<WebhookReceiver>,
    alert = DOWN,
    nowMs = Date.now(),
  ): Promise<Received> {
    receiver.answers({ status: 204 });
    const ports = { ...REAL_PORTS, clock: { ...realClock, now: () => nowMs } };
    const delivery = await deliver(makeWith(options)(receiver.url), alert, ports);
    assert.equal(delivery.outcome, "delivered");
    return receiver.received[0]!;
  }

  test("is a POST of the alert to the whole configured URL, with its headers", async () => {
    const { method, path, headers, body } = await sent({ headers: { "x-team": "ops" } });
    assert.equal(method, "POST");
    assert.equal(path, "/hook/planted-path?token=planted-query");
    assert.equal(headers["content-type"], "application/json");
    assert.equal(headers["user-agent"], "spreadpilot-watchdog");
    assert.equal(headers["x-team"], "ops");
    assert.deepEqual(JSON.parse(body.toString()), DOWN);
  });

  test("has an id and a time without a secret too, and then no signature", async () => {
    const { headers } = await sent({}, DOWN, 1_700_000_000_999);
    assert.equal(headers["webhook-id"], DOWN.id);
    assert.equal(headers["webhook-timestamp"], "1700000000");
    assert.equal(headers["webhook-signature"], undefined);
  });

  test("keeps its id and has a fresh time on a later attempt", async () => {
    const first = await sent({ secret: [NEW] }, DOWN, 1_700_000_000_000);
    const later = await sent({ secret: [NEW] }, DOWN, 1_700_000_030_000);
    assert.equal(later.headers["webhook-id"], first.headers["webhook-id"]);
    assert.equal(later.headers["webhook-timestamp"], "1700000030");
    assert.notEqual(later.headers["webhook-signature"], first.headers["webhook-signature"]);
  });

  test("verifies with standardwebhooks, in every format and with any text", async () => {
    for (const options of [{}, { format: "cloudevents" as const }, { jsonKey: "text" }]) {
      for (const text of Object.values(HOSTILE_TEXTS)) {
        const { body, headers } = await sent({ ...options, secret: [NEW] }, withText(RECOVERED, text));
        assert.ok(new Webhook(NEW).verify(body, headers));
      }
    }
  });

  test("verifies with the old secret and with the new one during a rotation, and with no other", async () => {
    const { body, headers } = await sent({ secret: [OLD, NEW] });
    assert.deepEqual(new Webhook(OLD).verify(body, headers), DOWN);
    assert.deepEqual(new Webhook(NEW).verify(body, headers), DOWN);
    assert.throws(() => new Webhook(secretOf("x")).verify(body, headers), /No matching signature/);
  });

  test("no longer verifies when its body, its id or its time was changed", async () => {
    const { body, headers } = await sent({ secret: [NEW] });
    const verify = (text: string, more: Record<string, string>) =>
      new Webhook(NEW).verify(text, { ...headers, ...more });
    const text = body.toString();
    assert.ok(verify(text, {}));
    assert.throws(() => verify(text.replace("false", "true"), {}), /No matching signature/);
    assert.throws(() => verify(text, { "webhook-id": "evt_other" }), /No matching signature/);
    const later = String(Number(headers["webhook-timestamp"]) + 1);
    assert.throws(() => verify(text, { "webhook-timestamp": later }), /No matching signature/);
  });

  test("is a CloudEvent with its own content type, without an empty subject", async () => {
    const nameless = { ...DOWN, params: { ...DOWN.params, component_name: "" } };
    const { headers, body } = await sent({ format: "cloudevents" }, nameless);
    assert.equal(headers["content-type"], "application/cloudevents+json");
    assert.equal("subject" in JSON.parse(body.toString()), false);
  });

  test("stays under 20 kB in every format", async () => {
    for (const options of [{}, { format: "cloudevents" as const }, { jsonKey: "text" }]) {
      for (const text of Object.values(HOSTILE_TEXTS)) {
        const { body } = await sent(options, withText(DOWN, text));
        assert.ok(body.length <= 20_000, `${body.length} bytes`);
      }
    }
  });
});

test("a body grows to 20 kB and no further", () => {
  const sizeOf = (length: number) =>
    formatBody({ ...DOWN, message: "m".repeat(length) }, OPTIONS).body.length;
  const overhead = sizeOf(0);
  assert.equal(sizeOf(20_000 - overhead), 20_000);
  assert.ok(sizeOf(20_001 - overhead) < 20_000);
});

test("a text is cut between characters, never inside one", () => {
  assert.equal(cut("🔥🔥🔥", 3), "🔥🔥🔥");
  assert.equal(cut("🔥🔥🔥🔥", 3), "🔥🔥…");
  assert.equal(cut("abc", 3), "abc");
  assert.equal(cut("abcd", 3), "ab…");
  assert.equal(cut("a\ud83d"), "a\uFFFD");
});

describe("the settings of webhook", () => {
  const URL_OK = "https://hooks.example.com/a";
  const read = (settings: unknown) => v.safeParse(webhook.options!, settings);

  test("one URL is enough: unsigned, the alert as it is", () => {
    assert.deepEqual(read({ url: URL_OK }).output, [{ ...OPTIONS, url: URL_OK }]);
  });

  test("secrets come as one, as a list, or separated by spaces", () => {
    for (const secret of [`${OLD} ${NEW}`, [OLD, NEW], ` ${OLD}\n${NEW}\n`]) {
      assert.deepEqual(read({ url: URL_OK, secret }).output, [
        { ...OPTIONS, url: URL_OK, secret: [OLD, NEW] },
      ]);
    }
  });

  test("receivers have settings of their own, and take nothing from those beside url", () => {
    const settings = {
      url: [URL_OK, "https://b.example/"],
      secret: NEW,
      headers: { Authorization: "Bearer planted" },
      events: ["WATCHDOG_FAILURE"],
      receivers: [
        { url: "https://c.example/", jsonKey: "text", services: ["executor"], title: "{component}" },
        { url: "https://d.example/", secret: OLD, format: "cloudevents", headers: { "X-Team": "ops" } },
      ],
    };
    const shared = {
      secret: [NEW],
      headers: { authorization: "Bearer planted" },
      events: ["WATCHDOG_FAILURE"],
    };
    assert.deepEqual(read(settings).output, [
      { ...OPTIONS, ...shared, url: URL_OK },
      { ...OPTIONS, ...shared, url: "https://b.example/" },
      {
        ...OPTIONS,
        url: "https://c.example/",
        jsonKey: "text",
        services: ["executor"],
        title: "{component}",
      },
      { url: "https://d.example/", secret: [OLD], format: "cloudevents", headers: { "x-team": "ops" } },
    ]);
  });

  const FAULTS: [string, unknown, string, RegExp][] = [
    ["no URL at all", {}, "url", /a URL or a list/],
    ["a secret for no URL", { secret: NEW, receivers: [{ url: URL_OK }] }, "url", /no other setting/],
    ["an empty list of receivers", { receivers: [] }, "receivers", /at least one/],
    ["a receiver without a URL", { receivers: [{ secret: NEW }] }, "receivers.0.url", /url/],
    [
      "a receiver's bad secret",
      { receivers: [{ url: URL_OK, secret: "planted" }] },
      "receivers.0.secret",
      /whsec_/,
    ],
    [
      "a receiver that others have",
      { url: "https://a.example/planted", receivers: [{ url: "https://A.example/planted" }] },
      "",
      /once/,
    ],
    ["an unknown event", { url: URL_OK, events: ["planted"] }, "events.0", /COMPONENT_DOWN/],
    ["a template with code", { url: URL_OK, title: "{planted()}" }, "title", /placeholders/],
    ["an empty list of URLs", { url: [] }, "url", /at least one/],
    ["text that is no URL", { url: ["https://a.example", "planted"] }, "url.1", /absolute http or https/],
    ["a URL of another kind", { url: "file:///etc/planted" }, "url", /absolute http or https/],
    ["a URL with a password", { url: "https://u:planted@a.example" }, "url", /headers/],
    ["one URL twice", { url: ["https://a.example/planted", "https://A.example/planted"] }, "", /once/],
    ["a secret without its prefix", { url: URL_OK, secret: "planted" }, "secret", /whsec_/],
    ["a secret that is too short", { url: URL_OK, secret: `whsec_${btoa("planted")}` }, "secret", /24 to 64/],
    ["a secret that is too long", { url: URL_OK, secret: secretOf("planted") }, "secret", /24 to 64/],
    ["a secret that is no base64", { url: URL_OK, secret: `${NEW}-planted` }, "secret", /base64/],
    ["an empty secret", { url: URL_OK, secret: "" }, "secret", /whsec_/],
    ["a secret among good ones", { url: URL_OK, secret: [NEW, "planted"] }, "secret.1", /whsec_/],
    ["an unknown format", { url: URL_OK, format: "xml" }, "format", /"alert" or "cloudevents"/],
    [
      "a header that is ours",
      { url: URL_OK, headers: { "Webhook-Id": "x" } },
      "headers.Webhook-Id",
      /not set/,
    ],
    ["a header with a line break", { url: URL_OK, headers: { a: "planted\r\nb: c" } }, "headers.a", /line/],
    ["a JSON key with CloudEvents", { url: URL_OK, jsonKey: "text", format: "cloudevents" }, "", /not both/],
    ["an unknown key", { url: URL_OK, sekret: NEW }, "sekret", /sekret/],
  ];
  for (const [what, settings, path, message] of FAULTS) {
    test(`${what} is refused, with its path and without showing it`, () => {
      const { success, issues } = read(settings);
      assert.equal(success, false);
      assert.equal(v.getDotPath(issues![0]) ?? "", path);
      assert.match(issues![0].message, message);
      assert.doesNotMatch(issues!.map((issue) => issue.message).join(), /planted/);
    });
  }

  test("the environment names several URLs, a secret and a key, and an empty one is not set", () => {
    const env = {
      WEBHOOK_URL: `${URL_OK}, https://b.example/,`,
      WEBHOOK_SECRET: NEW,
      WEBHOOK_JSON_KEY: "text",
    };
    const shared = { ...OPTIONS, secret: [NEW], jsonKey: "text" };
    assert.deepEqual(read(saidBy(webhook, env)).output, [
      { ...shared, url: URL_OK },
      { ...shared, url: "https://b.example/" },
    ]);
    assert.deepEqual(saidBy(webhook, {}), {});
    assert.deepEqual(saidBy(webhook, { WEBHOOK_URL: "", WEBHOOK_SECRET: "", WEBHOOK_JSON_KEY: "" }), {});
  });

  test("every URL is a sink of its own, with a name that does not show it", () => {
    const sinks: Sink[] = [];
    const urls = [URL_OK, "https://b.example/planted"];
    const watchdog = { clock: realClock, sink: (sink: Sink) => sinks.push(sink) } as unknown as Watchdog;
    webhook(urls.map((url) => ({ ...OPTIONS, url, services: ["executor"] }))).setup(watchdog);
    const settings = { services: ["executor"] };
    assert.deepEqual(
      sinks.map(({ name, target, settings }) => [name, target, settings]),
      [
        ["webhook", "https://hooks.example.com", settings],
        ["webhook-2", "https://b.example", settings],
      ],
    );
  });
});
