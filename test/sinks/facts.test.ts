import assert from "node:assert/strict";
import { test } from "node:test";
import { factsOf, fit, jsonBytes, messageWithHint, notesOf } from "../../src/plugin.ts";
import { DOWN, FAILURE, manyAlerts, RECOVERED, withText } from "./alerts.ts";

test("facts are in the order of a reader's questions, and what says nothing is left out", () => {
  const shown = (alert: typeof DOWN) => factsOf(alert).map(({ name, value }) => `${name}: ${value}`);
  assert.deepEqual(shown({ ...DOWN, params: { ...DOWN.params, down_seconds: 62 } }), [
    "Component: executor",
    "Container: spreadpilot-executor",
    "Failure: HTTP 503 in 12 ms",
    "URL: http://executor:8080/health",
    "Action: restart",
    "Failed checks: 3",
    "Down for: 1 min 2 s",
    "Incident: inc_executor_1",
    "Hint: OOMKilled: raise the memory limit",
  ]);
  assert.deepEqual(shown(FAILURE), ["Component: watchdog", "Failure: connection refused", "Action: none"]);
  const blank = withText(FAILURE, " \n");
  assert.deepEqual(shown(blank), []);
});

test("the hint follows the message once, also when a template put it there", () => {
  assert.equal(messageWithHint(DOWN), `${DOWN.message}\nOOMKilled: raise the memory limit`);
  assert.equal(messageWithHint(RECOVERED), RECOVERED.message);
  const templated = { ...DOWN, message: `down: ${DOWN.params.hint}` };
  assert.equal(messageWithHint(templated), templated.message);
});

test("up to ten alerts are told each by itself, and more as lists of what is bad and what is good", () => {
  assert.deepEqual(
    notesOf([DOWN, RECOVERED]).map(({ title, good }) => [title, good]),
    [
      ["Executor is down", false],
      ["Executor recovered", true],
    ],
  );
  assert.equal(notesOf(manyAlerts(10)).length, 10);
  const notes = notesOf(manyAlerts(11));
  assert.deepEqual(
    notes.map(({ title, good }) => [title, good]),
    [
      ["6 in trouble", false],
      ["5 resolved", true],
    ],
  );
  assert.deepEqual(notes[1]!.message.split("\n").at(-1), "Service number 9 changed");
  assert.deepEqual(
    notesOf(Array.from({ length: 11 }, () => DOWN)).map(({ title }) => title),
    ["11 in trouble"],
  );
});

test("a text is cut before it is escaped, as late as the limit allows", () => {
  const written = (text: string) => text.replaceAll("&", "&amp;");
  assert.equal(fit("a&b", 7, written), "a&amp;b");
  assert.equal(fit("a&b", 6, written), "a…", "an escape is whole or absent");
  assert.equal(fit("&&&&", 11, written), "&amp;&amp;…");
  assert.equal(fit("&&&&", 10, written), "&amp;…");
  assert.equal(fit("abcd", 3), "ab…");
  assert.equal(fit("🔥🔥🔥", 5), "🔥🔥…", "a fire is two UTF-16 units");
  assert.equal(fit("🔥🔥🔥", 4), "🔥…");
  assert.equal(fit("", 3), "");
});

test("bytes are counted as JSON writes them", () => {
  assert.equal(jsonBytes('a"\u0001é🔥'), 1 + 2 + 6 + 2 + 4);
  assert.equal(fit("\u0001".repeat(10), 20, undefined, jsonBytes), "\u0001\u0001…");
});
