/** Mail as Debian's Postfix takes it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { parseServer, type TlsMode } from "../../plugins/email/server.ts";
import { emailSink } from "../../plugins/email.ts";
import { deliver } from "../../src/delivery/send.ts";
import type { Delivery } from "../../src/plugin.ts";
import { DOWN } from "./alerts.ts";
import { REAL_PORTS } from "./contract.ts";
import { noPostfix, type Postfix, startPostfix } from "./postfix.ts";

const FROM = { name: "Watchdog", address: "watchdog@spreadpilot.example" };
const TO = { name: "", address: "ops@example.com" };

const send = (url: string, tls?: TlsMode): Promise<Delivery> => {
  const options = { url: parseServer(url)!, from: FROM, to: [TO], ...(tls && { tls }) };
  return deliver(emailSink("email", TO, options), DOWN, REAL_PORTS);
};

describe("mail through Debian's Postfix", { skip: noPostfix(), timeout: 30_000 }, () => {
  let postfix: Postfix;
  before(async () => {
    postfix = await startPostfix([
      // What strict servers ask of a client.
      "smtpd_helo_required = yes",
      "smtpd_helo_restrictions = reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname",
    ]);
  });
  after(() => postfix.stop());
  const queueIdOf = ({ reason }: Delivery) => /queued as (\w+)/.exec(reason)![1]!;

  for (const host of ["localhost", "127.0.0.1"]) {
    test(`arrives at smtp://${host} without a setting, over TLS, and the conversation ends with QUIT`, async () => {
      const delivery = await send(`smtp://${host}:${postfix.port}`);
      assert.equal(delivery.outcome, "delivered", delivery.reason);
      await postfix.logged(new RegExp(`${queueIdOf(delivery)}: to=<ops@example.com>.*status=sent`));
      await postfix.logged(/disconnect from .* ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7$/m);
      const mail = (await postfix.mails()).find((one) => one.includes(queueIdOf(delivery)))!;
      assert.match(mail, /^Subject: Executor is down$/m);
      assert.match(mail, /with ESMTPS id/);
      assert.match(mail, /^Received: from [\w-]+(\.[\w-]+)+ \(/m, "EHLO names the client in full");
    });
  }

  test("with tls: verify the certificate is not trusted, and the reason names the way out", async () => {
    const { outcome, reason } = await send(`smtp://localhost:${postfix.port}`, "verify");
    assert.deepEqual(
      [outcome, reason],
      [
        "retry",
        "the mail server's certificate is not trusted (self-signed); set tls: opportunistic (EMAIL_TLS=opportunistic) to encrypt without verifying it",
      ],
    );
  });

  test("with tls: off it is sent in the clear", async () => {
    const delivery = await send(`smtp://localhost:${postfix.port}`, "off");
    assert.equal(delivery.outcome, "delivered", delivery.reason);
    await postfix.logged(new RegExp(`${queueIdOf(delivery)}: to=<ops@example.com>.*status=sent`));
    const mail = (await postfix.mails()).find((one) => one.includes(queueIdOf(delivery)))!;
    assert.match(mail, /with ESMTP id/);
  });

  test("a refused recipient is final, and is said goodbye to", async () => {
    const stranger = { name: "", address: "ops@elsewhere.example" };
    const url = parseServer(`smtp://localhost:${postfix.port}`)!;
    const sink = emailSink("email", stranger, { url, from: FROM, to: [stranger] });
    const { outcome, reason } = await deliver(sink, DOWN, REAL_PORTS);
    assert.equal(outcome, "rejected");
    assert.match(reason, /^the mail server said 554 5\.7\.1 <ops@elsewhere\.example>: Relay access denied$/);
    await postfix.logged(/disconnect from .* rcpt=0\/1 .*quit=1 commands/);
  });
});
