import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { renderTemplate, templateField } from "../../src/plugin/sink-settings.ts";
import { DOWN, RECOVERED } from "../sinks/alerts.ts";

/** [template, what it becomes for DOWN] */
const TEMPLATES: [string, string][] = [
  ["{title}", DOWN.title],
  ["{severity}: {component} ({container})", "CRITICAL: executor (spreadpilot-executor)"],
  ["{ failures } failures, {action}", "3 failures, restart"],
  ["{reason} at {health_url}", "HTTP 503 in 12 ms at http://executor:8080/health"],
  ["{hint}", "OOMKilled: raise the memory limit"],
  ["{down_seconds}", ""],
  ["{{message}}", "{message}"],
  ["no placeholder", "no placeholder"],
];

for (const [template, becomes] of TEMPLATES) {
  test(`the template ${JSON.stringify(template)} reads ${JSON.stringify(becomes)}`, () => {
    assert.ok(v.is(templateField(), template), "it is accepted");
    assert.equal(renderTemplate(template, DOWN), becomes);
  });
}

test("what an alert holds is filled in as it is, and is no template itself", () => {
  const alert = { ...RECOVERED, title: "{message} {{x}} $& $1" };
  assert.equal(renderTemplate("{title}", alert), "{message} {{x}} $& $1");
});

for (const template of [
  "{massage}",
  "{",
  "a } b",
  "{message",
  "{title.length}",
  "{constructor}",
  "",
  "{{message}",
]) {
  test(`the template ${JSON.stringify(template)} is refused, with the placeholders that there are`, () => {
    const parsed = v.safeParse(templateField(), template);
    assert.ok(!parsed.success, "it was accepted");
    if (template !== "") assert.match(parsed.issues[0].message, /\{title\}.*\{message\}/);
  });
}
