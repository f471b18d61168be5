import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { parseAddress } from "../../plugins/email/address.ts";
import { parseServer, securityOf } from "../../plugins/email/server.ts";
import email, { type EmailOptions, emailSink } from "../../plugins/email.ts";
import { deliver } from "../../src/delivery/send.ts";
import type { Alert, Delivery, Sink, Watchdog } from "../../src/plugin.ts";
import { DOWN, FAILURE, HOSTILE_TEXTS, RECOVERED, withText } from "./alerts.ts";
import { portsKnowing } from "./contract.ts";
import { sinkDeclaration } from "./declaration.ts";
import { type MailServer, startMailServer } from "./mail-server.ts";

const FROM = { name: "Watchdog", address: "watchdog@spreadpilot.example" };
const TO = { name: "", address: "ops@example.com" };
const PASSWORD = "planted p@ss";

const sinkTo = (url: string, timeoutMs?: number) =>
  emailSink("email", TO, { url: parseServer(url)!, from: FROM, to: [TO] }, timeoutMs);
const send = (sink: Sink, alert: Alert = DOWN, timeoutMs = 10_000): Promise<Delivery> =>
  deliver(sink, alert, portsKnowing([PASSWORD]), undefined, { timeoutMs });

describe("the sink email", () => {
  let server: MailServer;
  let sink: Sink;
  let login: string;
  before(async () => {
    server = await startMailServer();
    sink = sinkTo(`smtp://127.0.0.1:${server.port}`);
    login = `smtp://planted-user:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}`;
  });
  after(() => server.close());
  beforeEach(() => server.refuses());

  for (const alert of [DOWN, RECOVERED, FAILURE]) {
    const file = `email.${alert.event_type.toLowerCase()}.eml`;
    test(`the mail of ${alert.event_type} is as in golden/${file}`, async () => {
      const { outcome, reason } = await send(sink, alert);
      assert.equal(outcome, "delivered", reason);
      assert.match(reason, /^250 .*queued/);
      const [mail] = server.mails;
      assert.deepEqual([mail!.from, mail!.to], [FROM.address, [TO.address]]);
      const path = new URL(`./golden/${file}`, import.meta.url);
      const text = mail!.raw.replaceAll("\r\n", "\n");
      if (process.env.UPDATE_GOLDEN === "1") {
        mkdirSync(new URL(".", path), { recursive: true });
        writeFileSync(path, text);
      }
      assert.equal(text, readFileSync(path, "utf8"));
    });
  }

  test("a repeat is the same mail, byte by byte, and so is known by its Message-ID", async () => {
    await send(sink);
    await send(sink);
    await send(sink, { ...DOWN, id: "evt_other" });
    const [first, repeat, other] = server.mails;
    assert.equal(first!.headers["message-id"], "<evt_01down@spreadpilot.example>");
    assert.equal(repeat!.raw, first!.raw);
    assert.notEqual(other!.headers["message-id"], first!.headers["message-id"]);
  });

  test("what follows an alert is a reply to it, with its subject: one thread in any mail program", async () => {
    const reminder = { ...DOWN, id: "evt_reminder", follows: RECOVERED.follows! };
    for (const alert of [DOWN, reminder, RECOVERED]) await send(sink, alert);
    const [down, ...replies] = server.mails.map(({ headers }) => headers);
    assert.deepEqual(
      [down!.subject, down!.references, down!["in-reply-to"]],
      ["Executor is down", "<inc_executor_1@spreadpilot.example>", undefined],
    );
    for (const reply of replies) {
      assert.equal(reply.subject, "Re: Executor is down");
      assert.equal(reply["in-reply-to"], down!["message-id"]);
      assert.equal(reply.references, `${down!.references} ${down!["message-id"]}`);
    }
  });

  test("a reply has the subject of the user's own words, and is none where nobody got the first mail", async () => {
    const url = parseServer(`smtp://127.0.0.1:${server.port}`)!;
    for (const settings of [
      { title: "{component}" },
      { events: ["COMPONENT_RECOVERED" as const] },
      { severities: ["INFO" as const] },
    ]) {
      await send(emailSink("email", TO, { url, from: FROM, to: [TO], ...settings }), RECOVERED);
    }
    const subjects = server.mails.map(({ headers }) => [headers.subject, headers["in-reply-to"]]);
    assert.deepEqual(subjects, [
      ["Re: executor", "<evt_01down@spreadpilot.example>"],
      ["Executor recovered", undefined],
      ["Executor recovered", undefined],
    ]);
  });

  for (const [what, text] of Object.entries({
    ...HOSTILE_TEXTS,
    "a header": "Down\r\nBcc: evil@example.com\r\nX-Evil: 1\r\n\r\nbody",
    "a lone carriage return and a lone dot": "Down\rBcc: evil@example.com\n.\nMAIL FROM:<evil@example.com>",
    "an encoded word": "=?utf-8?Q?Down=0D=0ABcc:_evil@example.com?=",
  })) {
    test(`a message of ${what} arrives whole or cut, and adds no header and no recipient`, async () => {
      await send(sink, { ...DOWN, params: { ...DOWN.params, incident_id: "inc" } });
      const hostile = withText(DOWN, text);
      const { outcome, reason } = await send(sink, {
        ...hostile,
        id: `evt_${text.slice(0, 100)}`,
        params: { ...hostile.params, incident_id: text },
      });
      assert.equal(outcome, "delivered", reason);
      const [plain, mail] = server.mails;
      const dropEncoding = ({ headers }: { headers: object }) =>
        Object.keys(headers).filter((name) => name !== "content-transfer-encoding");
      assert.deepEqual(dropEncoding(mail!), dropEncoding(plain!));
      assert.deepEqual(mail!.to, [TO.address]);
      assert.match(mail!.headers["message-id"]!, /^<[\w-]+@spreadpilot\.example>$/);
      assert.ok([...mail!.headers.subject!].length <= 200);
      assertWholeOrCut(mail!.text, text);
    });
  }

  test("the subject is the title on one line, in any alphabet", async () => {
    await send(sink, { ...DOWN, title: "Ausführer\r\n ist\u2028 unten 🔥" });
    assert.equal(server.mails[0]!.headers.subject, "Ausführer ist unten 🔥");
  });

  for (const step of ["sender", "recipient", "data"] as const) {
    test(`4xx for the ${step} is tried again, and 5xx is final`, async () => {
      server.refuses({ step, code: 451, text: "4.7.1 greylisted" });
      const later = await send(sink);
      assert.deepEqual([later.outcome, later.reason], ["retry", "the mail server said 451 4.7.1 greylisted"]);
      server.refuses({ step, code: 550, text: "5.1.1 no such user" });
      const never = await send(sink);
      assert.deepEqual(
        [never.outcome, never.reason],
        ["rejected", "the mail server said 550 5.1.1 no such user"],
      );
      server.refuses();
      assert.equal((await send(sink)).outcome, "delivered");
    });
  }

  test("503 is of the conversation and not of the mail: tried again", async () => {
    server.refuses({ step: "sender", code: 503, text: "5.5.1 not now" });
    assert.equal((await send(sink)).outcome, "retry");
  });

  test("a server that is busy at its door is tried again", async () => {
    server.refuses({ step: "greeting", code: 421, text: "too many connections" });
    assert.equal((await send(sink)).outcome, "retry");
  });

  test("a login is used, also with special characters", async () => {
    assert.equal((await send(sinkTo(login))).outcome, "delivered");
    assert.deepEqual(server.logins, [`planted-user:${PASSWORD}`]);
  });

  test("a login that is refused is final, says what to do, and shows no password that the server echoes", async () => {
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const echo = [
      PASSWORD,
      encodeURIComponent(PASSWORD),
      base64(PASSWORD),
      base64(`\0planted-user\0${PASSWORD}`),
    ];
    server.refuses({ step: "login", code: 535, text: `5.7.8 no: ${echo.join(" ")}` });
    const locked = sinkTo(login);
    const { outcome, reason } = await send(locked);
    assert.equal(outcome, "rejected");
    assert.match(
      reason,
      /^the mail server refused the login \(535 5\.7\.8 no: (\[redacted\] ){3}\[redacted\]\); check .* SMTP_URL$/,
    );
    for (const secret of echo) assert.ok(!(reason + locked.target).includes(secret), secret);
    server.refuses({ step: "login", code: 454, text: "4.7.0 temporary failure" });
    assert.equal((await send(locked)).outcome, "retry");
  });

  test("a password does not leave without TLS for a server elsewhere", async () => {
    const { outcome, reason } = await send(sinkTo(`${login}?requireTLS=true`));
    assert.deepEqual([outcome, reason.slice(0, 30)], ["retry", "the mail server offers no TLS;"]);
    assert.deepEqual([server.logins, server.mails], [[], []]);
    const requires = (url: string) => securityOf(parseServer(url)!).requireTLS;
    assert.equal(requires("smtp://u:p@mail.example.com"), true);
    assert.equal(requires("smtp://u:p@mail.example.com?requireTLS=false"), false);
    assert.equal(requires("smtp://mail.example.com"), false);
  });

  test("a server that is not there is tried again", async () => {
    const gone = await startMailServer();
    await gone.close();
    const delivery = await send(sinkTo(`smtp://127.0.0.1:${gone.port}`));
    assert.deepEqual(delivery, { outcome: "retry", reason: "connection refused" });
  });
});

describe("the sink email at a port where no mail server is", () => {
  test("is given up when it is silent, by itself or at the deadline, and hangs up", async () => {
    let closed = 0;
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("close", () => {
        closed++;
        server.emit("hung up");
      });
      socket.resume();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `smtp://127.0.0.1:${(server.address() as { port: number }).port}`;
    const late = { outcome: "retry", reason: "the mail server did not answer in time" };
    assert.deepEqual(await send(sinkTo(url, 100)), late);
    if (closed < 1) await once(server, "hung up");
    assert.deepEqual(await send(sinkTo(url), DOWN, 1500), { outcome: "retry", reason: "no answer in 1.5 s" });
    const soon = AbortSignal.timeout(5000);
    if (closed < 2) await once(server, "hung up", { signal: soon });
    server.close();
  });

  test("is tried again when it hangs up, or speaks another language", async () => {
    for (const words of ["", "HTTP/1.1 400 Bad Request\r\n\r\nplanted\r\n"]) {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.end(words);
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      const url = `smtp://127.0.0.1:${(server.address() as { port: number }).port}`;
      const { outcome, reason } = await send(sinkTo(url), DOWN, 5000);
      server.close();
      assert.equal(outcome, "retry", reason);
      assert.doesNotMatch(reason, /no answer/);
    }
  });
});

const URL_OK = "smtp://planted-user:planted-pass@mail.example.com:587";
const ENOUGH = {
  url: URL_OK,
  tls: "opportunistic",
  from: "Watchdog <watchdog@example.com>",
  to: ["ops@example.com"],
};

sinkDeclaration<EmailOptions>({
  name: "email",
  plugin: email,
  enough: ENOUGH,
  env: { SMTP_URL: URL_OK, EMAIL_TLS: "opportunistic", EMAIL_FROM: ENOUGH.from, EMAIL_TO: "ops@example.com" },
  target: "ops@example.com by mail.example.com",
  faults: [
    ["a URL that is none", { ...ENOUGH, url: "planted" }, "url"],
    ["a web address", { ...ENOUGH, url: "https://planted.example" }, "url"],
    ["an option of the client in the URL", { ...ENOUGH, url: `${URL_OK}?jsonTransport=true` }, "url"],
    ["a password that cannot be read", { ...ENOUGH, url: "smtp://u:planted%@m" }, "url"],
    ["another way of TLS", { ...ENOUGH, tls: "sometimes" }, "tls"],
    ["no TLS where the URL asks for it", { ...ENOUGH, url: "smtps://mail.example.com", tls: "off" }, "tls"],
    ["no TLS where the URL requires it", { ...ENOUGH, url: `${URL_OK}?requireTLS=true`, tls: "off" }, "tls"],
    ["no sender", { url: URL_OK, to: ENOUGH.to }, "from"],
    ["no recipient", { ...ENOUGH, to: [] }, "to"],
    ["a recipient that is none", { ...ENOUGH, to: ["ops@example.com", "ops"] }, "to[1]"],
    ["one recipient twice", { ...ENOUGH, to: ["ops@example.com", "Ops@example.com"] }, "to"],
    ["a header in an address", { ...ENOUGH, to: ["ops@example.com\r\nBcc: a@b.example"] }, "to[0]"],
  ],
});

test("every recipient is a sink of its own, in their order", () => {
  const sinks: Sink[] = [];
  const watchdog = { sink: (sink: Sink) => sinks.push(sink) } as unknown as Watchdog;
  const to = [TO, { name: "Night", address: "night@example.com" }];
  email({ url: parseServer(URL_OK)!, from: FROM, to }).setup(watchdog);
  assert.deepEqual(
    sinks.map(({ name, target }) => [name, target]),
    [
      ["email", "ops@example.com by mail.example.com"],
      ["email-2", "night@example.com by mail.example.com"],
    ],
  );
});

test("an address is one address, with a name or without, and nothing that ends it", () => {
  assert.deepEqual(parseAddress("ops@example.com"), { name: "", address: "ops@example.com" });
  assert.deepEqual(parseAddress(" Night shift <ops+a@x.example> "), {
    name: "Night shift",
    address: "ops+a@x.example",
  });
  for (const text of [
    "",
    "ops",
    "a@b, c@d",
    "<a@b> c@d",
    "a b@c",
    "x\r\ny <a@b>",
    '"x" <a@b>',
    "a@b\u0000",
    5,
  ]) {
    assert.equal(parseAddress(text), undefined, String(text));
  }
});

function assertWholeOrCut(seen: string, text: string): void {
  // A line break of any kind is one line break in a mail.
  const lines = (some: string) => some.replace(/\r\n|\r/g, "\n");
  const whole = lines(text.replace(/\p{Surrogate}/gu, "\uFFFD"));
  const message = lines(seen).split("\n\nComponent: ")[0]!;
  if (message === whole) return;
  assert.ok(message.endsWith("…") && message.length > 200, `neither whole nor cut: ${message.slice(0, 80)}`);
  assert.ok(whole.startsWith(message.slice(0, -1)), "what is left is not the beginning");
}
