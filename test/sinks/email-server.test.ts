/** How a mail server is reached: certificates, ports, and the name that a client has. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { clientName } from "../../plugins/email/conversation.ts";
import { parseServer, securityOf, type TlsMode } from "../../plugins/email/server.ts";
import { emailSink } from "../../plugins/email.ts";
import { deliver } from "../../src/delivery/send.ts";
import type { Delivery, Sink } from "../../src/plugin.ts";
import { DOWN } from "./alerts.ts";
import { REAL_PORTS } from "./contract.ts";
import { type MailServer, startMailServer } from "./mail-server.ts";

const FROM = { name: "Watchdog", address: "watchdog@spreadpilot.example" };
const TO = { name: "", address: "ops@example.com" };

const sinkTo = (url: string, { tls }: { tls?: TlsMode } = {}) =>
  emailSink("email", TO, { url: parseServer(url)!, ...(tls && { tls }), from: FROM, to: [TO] });
const send = (sink: Sink): Promise<Delivery> => deliver(sink, DOWN, REAL_PORTS);

describe("the sink email over TLS", () => {
  let server: MailServer;
  before(async () => {
    server = await startMailServer({ secure: true });
  });
  after(() => server.close());

  test("is tried again at a certificate that is not trusted, and delivered where it may be", async () => {
    const url = `smtps://planted-user:planted@127.0.0.1:${server.port}`;
    const stranger = await send(sinkTo(url));
    assert.equal(stranger.outcome, "retry");
    assert.match(stranger.reason, /certificate is not trusted/);
    assert.equal((await send(sinkTo(`${url}?tls.rejectUnauthorized=false`))).outcome, "delivered");
    assert.equal((await send(sinkTo(url, { tls: "opportunistic" }))).outcome, "delivered");
  });
});

describe("the sink email at a server whose STARTTLS does not work", () => {
  let server: MailServer;
  before(async () => {
    server = await startMailServer({ disabledCommands: [], maxVersion: "TLSv1" });
  });
  after(() => server.close());
  beforeEach(() => server.refuses());

  test("is sent in the clear where nothing is verified, and waits where TLS is asked for", async () => {
    const address = `127.0.0.1:${server.port}`;
    assert.equal((await send(sinkTo(`smtp://${address}`))).outcome, "delivered");
    assert.equal(server.mails.length, 1);
    for (const strict of [
      sinkTo(`smtp://${address}`, { tls: "verify" }),
      sinkTo(`smtp://${address}?requireTLS=true`),
      sinkTo(`smtp://u:planted@${address}?requireTLS=true`, { tls: "opportunistic" }),
    ]) {
      const { outcome, reason } = await send(strict);
      assert.equal(outcome, "retry");
      assert.match(reason, /^TLS with the mail server failed .*; set tls: off \(EMAIL_TLS=off\)/);
    }
    assert.deepEqual([server.mails.length, server.logins], [1, []]);
    const login = `smtp://u:planted@${address}`;
    assert.equal((await send(sinkTo(login, { tls: "off" }))).outcome, "delivered");
  });
});

test("a certificate is verified unless the server is this host's own, or a setting says otherwise", () => {
  const modeOf = (url: string, tls?: TlsMode) => {
    const { ignoreTLS, requireTLS, tls: options } = securityOf(parseServer(url)!, tls);
    return `${ignoreTLS ? "off" : options.rejectUnauthorized ? "verify" : "opportunistic"}${requireTLS ? ", required" : ""}`;
  };
  for (const [url, mode] of [
    ["smtp://localhost", "opportunistic"],
    ["smtp://user@localhost", "opportunistic"],
    ["smtp://127.0.0.2:2525", "opportunistic"],
    ["smtp://[::1]", "opportunistic"],
    ["smtp://user:pass@localhost", "verify"],
    ["smtp://localhost?tls.rejectUnauthorized=true", "verify"],
    ["smtp://localhost.example.com", "verify"],
    ["smtp://mail.example.com", "verify"],
    ["smtp://mail.example.com?tls.rejectUnauthorized=false", "opportunistic"],
    ["smtp://mail.example.com?requireTLS=true", "verify, required"],
    ["smtp://user:pass@mail.example.com", "verify, required"],
    ["smtp://user:pass@[::1]", "verify"],
  ] as const) {
    assert.equal(modeOf(url), mode, url);
  }
  assert.equal(modeOf("smtp://localhost", "verify"), "verify");
  assert.equal(modeOf("smtp://u:p@mail.example.com", "opportunistic"), "opportunistic, required");
  assert.equal(modeOf("smtp://u:p@mail.example.com", "off"), "off");
});

test("a host's own server is looked for at both of its ports, any other where the URL says", () => {
  const portsOf = (url: string) => parseServer(url)!.ports;
  assert.deepEqual(portsOf("smtp://localhost"), [587, 25]);
  assert.deepEqual(portsOf("smtp://localhost:2525"), [2525]);
  assert.deepEqual(portsOf("smtp://u:p@localhost"), [587]);
  assert.deepEqual(portsOf("smtp://mail.example.com"), [587]);
  assert.deepEqual(portsOf("smtps://localhost"), [465]);
});

test("the next port is tried where one is closed, and only there", async () => {
  const server = await startMailServer();
  const gone = await startMailServer();
  await gone.close();
  const url = parseServer("smtp://127.0.0.1")!;
  const sinkAt = (ports: number[]) =>
    emailSink("email", TO, { url: { ...url, ports }, from: FROM, to: [TO] });
  assert.equal((await send(sinkAt([gone.port, server.port]))).outcome, "delivered");
  server.refuses({ step: "sender", code: 550, text: "5.7.1 no" });
  assert.equal((await send(sinkAt([server.port, gone.port]))).outcome, "rejected");
  await server.close();
});

test("a client calls itself by a name with a domain, or by an address", () => {
  for (const [host, name] of [
    ["docker-1.example.net", "docker-1.example.net"],
    ["docker-1", "docker-1.spreadpilot.example"],
    ["3f2a9b01c4d5", "3f2a9b01c4d5.spreadpilot.example"],
    ["", "[127.0.0.1]"],
    ["under_score", "[127.0.0.1]"],
    ["-x", "[127.0.0.1]"],
    ["a\r\nMAIL FROM:<x>", "[127.0.0.1]"],
    ["ümlaut", "[127.0.0.1]"],
  ] as const) {
    assert.equal(clientName(host, FROM), name);
  }
});
