import assert from "node:assert/strict";
import { test } from "node:test";
import { render } from "../../src/doctor/finding.ts";

test("what is found fits 80 columns, whatever it contains, and ends with what to do", () => {
  const text = `${"word ".repeat(40)}${"x".repeat(200)}\u001b[2J\n\u202eevil`;
  const out = render([
    { about: "services", level: "ok", text: "short" },
    { about: "disk", level: "wrong", text, todo: `free it ${"y".repeat(100)}` },
  ]);
  const rows = out.trimEnd().split("\n");
  for (const row of rows) assert.ok([...row].length <= 80, row);
  assert.equal(rows[0], "ok     services  short");
  assert.match(rows[1]!, /^wrong {2}disk {6}word word/);
  assert.ok(rows.some((row) => row.startsWith(`${" ".repeat(17)}-> free it`)));
  assert.ok(!out.includes("\u001b") && !out.includes("\u202e"));
});
