import assert from "node:assert/strict";
import { test } from "node:test";
import teams, { teamsSink } from "../../plugins/teams.ts";
import { DOWN, withText } from "./alerts.ts";
import { sinkContract } from "./contract.ts";
import { sinkDeclaration } from "./declaration.ts";

const PATH =
  "/workflows/planted-flow-id/triggers/manual/paths/invoke?api-version=2016-06-01&sig=planted-signature";
const make = (origin: string) => teamsSink({ url: `${origin}${PATH}` }, Date.now);
const connectorsFault = (status: number) =>
  `Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error ${status} with ContextId x`;

sinkContract({
  name: "teams",
  make,
  secrets: ["planted-signature", "planted-flow-id"],
  success: { status: 202 },
  answers: {
    "200": { answer: { status: 200, body: "1" }, outcome: "delivered" },
    "200 with a 429 in its body": { answer: { status: 200, body: connectorsFault(429) }, outcome: "retry" },
    "200 with a 413 in its body": {
      answer: { status: 200, body: connectorsFault(413) },
      outcome: "rejected",
    },
    "401 with a wrong signature": { answer: { status: 401 }, outcome: "rejected" },
    "413": { answer: { status: 413 }, outcome: "rejected" },
  },
  bodyLimitBytes: 21_000,
  messageIn: (body) => plain(JSON.parse(body).attachments[0].content.body[1].text),
  rules({ type, attachments }) {
    assert.equal(type, "message");
    assert.equal(attachments.length, 1);
    const [{ contentType, contentUrl, content }] = attachments;
    assert.equal(contentType, "application/vnd.microsoft.card.adaptive");
    assert.equal(contentUrl, null);
    assert.equal(content.type, "AdaptiveCard");
    assert.equal(content.version, "1.4");
    for (const block of content.body) {
      assert.match(block.type, /^(TextBlock|FactSet)$/);
      if (block.type === "TextBlock") {
        assert.ok(typeof block.text === "string" && block.text !== "" && block.wrap === true);
      }
      for (const { title, value } of block.facts ?? []) assert.ok(title !== "" && value !== "");
    }
    assert.match(content.body[0].color, /^(Attention|Good)$/);
  },
});

function plain(text: string): string {
  return text.replace(/\\([\\*[\]`~_])/g, "$1").replaceAll("\n\n", "\n");
}

sinkDeclaration({
  name: "teams",
  plugin: teams,
  enough: { url: `https://flows.example${PATH}` },
  env: { TEAMS_WEBHOOK_URL: `https://flows.example${PATH}` },
  target: "https://flows.example",
  faults: [["a number", { url: 12345 }, "url"]],
});

test("a link from outside shows where it leads, and names keep their underscores as they are", () => {
  const text = "[a](http://x) *b* some_service_name _c_ ~d~ `e` \\";
  const { body } = JSON.parse(make("http://127.0.0.1:1").format(withText(DOWN, text)).body).attachments[0]
    .content;
  assert.equal(body[1].text, "\\[a\\](http://x) \\*b\\* some_service_name \\_c\\_ \\~d\\~ \\`e\\` \\\\");
});
