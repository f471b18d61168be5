import assert from "node:assert/strict";
import { test } from "node:test";
import discord, { discordSink } from "../../plugins/discord.ts";
import { DOWN, withText } from "./alerts.ts";
import { sinkContract } from "./contract.ts";
import { sinkDeclaration } from "./declaration.ts";

const PATH = "/api/webhooks/1234567890/planted-token-0123456789";
const make = (origin: string) => discordSink({ url: `${origin}${PATH}?thread_id=42` }, Date.now);
const MADE = '{"id":"1234","type":0,"content":""}';

sinkContract({
  name: "discord",
  make,
  secrets: ["planted-token-0123456789"],
  success: { status: 200, body: MADE },
  endlessSuccess: "retry",
  notFound: "disabled",
  limitedInBody: '{"message":"You are being rate limited.","retry_after":7.4999,"global":false}',
  answers: {
    "204": { answer: { status: 204 }, outcome: "delivered" },
    "200 with a fault in its body": {
      answer: { status: 200, body: '{"message":"no","code":50035}' },
      outcome: "retry",
    },
    "200 with a login page": { answer: { status: 200, body: "<html></html>" }, outcome: "retry" },
    "401 with a wrong token": {
      answer: { status: 401, body: '{"message":"Invalid Webhook Token","code":50027}' },
      outcome: "rejected",
    },
    "404 of a deleted webhook": {
      answer: { status: 404, body: '{"message":"Unknown Webhook","code":10015}' },
      outcome: "disabled",
    },
    "429 with a header that is shorter than its body": {
      answer: { status: 429, headers: { "retry-after": "1" }, body: '{"retry_after":2.5}' },
      outcome: "retry",
      retryAfterMs: 2500,
    },
  },
  bodyLimitBytes: 60_000,
  messageIn: (body) => JSON.parse(body).embeds[0].description.replace(/\\([\\*_~`|<>[\]#-])/g, "$1"),
  rules({ embeds, allowed_mentions, content }) {
    assert.deepEqual(allowed_mentions, { parse: [] });
    assert.equal(content, undefined, "only content can call people");
    assert.ok(embeds.length >= 1 && embeds.length <= 10);
    let all = 0;
    for (const { title, description, color, fields = [] } of embeds) {
      assert.ok(title.length >= 1 && title.length <= 256, "title");
      assert.ok(description.length <= 4096, "description");
      assert.ok([15158332, 3066993].includes(color));
      assert.ok(fields.length <= 25);
      all += title.length + description.length;
      for (const { name, value } of fields) {
        assert.ok(name.length >= 1 && name.length <= 256 && value.trim() !== "" && value.length <= 1024);
        all += name.length + value.length;
      }
    }
    assert.ok(all <= 6000, `${all} characters in all`);
  },
});

sinkDeclaration({
  name: "discord",
  plugin: discord,
  enough: { url: `https://discord.example${PATH}` },
  env: { DISCORD_WEBHOOK_URL: `https://discord.example${PATH}` },
  target: "https://discord.example",
  faults: [["a URL of another kind", { url: "file:///planted" }, "url"]],
});

test("it waits for the message to be made, and keeps the thread of the URL", () => {
  const { searchParams, pathname } = new URL(make("http://127.0.0.1:1").format(DOWN).url);
  assert.equal(pathname, PATH);
  assert.deepEqual(Object.fromEntries(searchParams), { thread_id: "42", wait: "true" });
});

test("formatting and links from outside are shown as they were written", () => {
  const text = "[a](http://x) *b* some_name_ `c` ||d||\n# big\n> quote\n- item a-b";
  const [embed] = JSON.parse(make("http://127.0.0.1:1").format(withText(DOWN, text)).body).embeds;
  assert.equal(
    embed.description,
    "\\[a\\](http://x) \\*b\\* some\\_name\\_ \\`c\\` \\|\\|d\\|\\|\n\\# big\n\\> quote\n\\- item a-b",
  );
});
