import assert from "node:assert/strict";
import { test } from "node:test";
import slack, { slackSink } from "../../plugins/slack.ts";
import { DOWN, FAILURE, withText } from "./alerts.ts";
import { FIRST, sinkContract } from "./contract.ts";
import { sinkDeclaration } from "./declaration.ts";

const PATH = "/services/T00000000/B00000000/planted-token-0123456789";
const make = (origin: string) => slackSink({ url: `${origin}${PATH}` }, Date.now);

const plain = (text: string) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

sinkContract({
  name: "slack",
  make,
  secrets: ["planted-token-0123456789", "T00000000"],
  success: { status: 200, body: "ok" },
  endlessSuccess: "retry",
  notFound: "disabled",
  answers: {
    "200 with invalid_token": { answer: { status: 200, body: "invalid_token" }, outcome: "rejected" },
    "200 with a login page": { answer: { status: 200, body: "<html>ok</html>" }, outcome: "retry" },
    "200 with nothing": { answer: { status: 200, body: "" }, outcome: "retry" },
    "403 invalid_token": { answer: { status: 403, body: "invalid_token" }, outcome: "rejected" },
    "404 no_service": { answer: { status: 404, body: "no_service" }, outcome: "disabled" },
    "410 channel_is_archived": { answer: { status: 410, body: "channel_is_archived" }, outcome: "disabled" },
    "500 rollup_error": { answer: { status: 500, body: "rollup_error" }, outcome: "retry" },
  },
  bodyLimitBytes: 90_000,
  messageIn: (body) => plain(JSON.parse(body).text),
  // A control sequence of Slack's begins with "<"; an escaped one does not.
  never: /<|"link_names":true|"mrkdwn":true/,
  rules({ text, mrkdwn, link_names, attachments }) {
    assert.ok(text.length >= 1 && text.length <= 3000);
    assert.deepEqual([mrkdwn, link_names], [false, false]);
    assert.ok(attachments.length >= 1 && attachments.length <= 20);
    for (const one of attachments) {
      assert.match(one.color, /^#(DD0000|36A64F)$/);
      assert.ok(one.title.length >= 1 && one.title.length <= 1024);
      assert.ok(one.text.length <= 3000);
      for (const field of one.fields ?? []) {
        assert.ok(field.title !== "" && field.value !== "" && field.value.length <= 300);
        assert.equal(field.short, true);
      }
      for (const shown of [text, one.title, one.text]) {
        assert.doesNotMatch(shown, /[<>]|&(?!amp;|lt;|gt;)/, "a control character that is not escaped");
      }
    }
  },
});

sinkDeclaration({
  name: "slack",
  plugin: slack,
  enough: { url: `https://hooks.slack.example${PATH}` },
  env: { SLACK_WEBHOOK_URL: `https://hooks.slack.example${PATH}` },
  target: "https://hooks.slack.example",
  faults: [
    ["text that is no URL", { url: "planted" }, "url"],
    ["a URL with a password", { url: "https://me:planted@hooks.slack.example/" }, "url"],
  ],
});

test("an answer's own word is in the reason, and nothing else that it says", () => {
  const reasonOf = (status: number, body: string) =>
    make("http://127.0.0.1:1").classify({ status, headers: {}, body }, FIRST).reason;
  assert.equal(reasonOf(403, "invalid_token\n"), "HTTP 403: invalid_token");
  assert.equal(reasonOf(404, "no_service"), "HTTP 404: the receiver is gone: no_service");
  assert.equal(reasonOf(200, "invalid_token"), "HTTP 200, but invalid_token");
  assert.equal(reasonOf(403, "<h1>Forbidden</h1>"), "HTTP 403");
});

test("a name that calls the channel is text, and so is one in a fact", () => {
  const { body } = make("http://127.0.0.1:1").format(withText(DOWN, "<!channel> & <@U1>"));
  const [attachment] = JSON.parse(body).attachments;
  const written = "&lt;!channel&gt; &amp; &lt;@U1&gt;";
  assert.deepEqual([attachment.title, attachment.text], [written, written]);
  assert.deepEqual(attachment.fields[0], { title: "Component", value: written, short: true });
});

test("the watchdog's own news is green when it is good", () => {
  const over = { ...FAILURE, params: { ...FAILURE.params, success: true } };
  const colorOf = (alert: typeof over) =>
    JSON.parse(make("http://127.0.0.1:1").format(alert).body).attachments[0].color;
  assert.deepEqual([colorOf(FAILURE), colorOf(over)], ["#DD0000", "#36A64F"]);
});
