import assert from "node:assert/strict";
import { test } from "node:test";
import { createRefusalLog } from "../../src/http/refusal-log.ts";
import { createFakeClock } from "../simulation/clock.ts";

function world() {
  const lines: string[] = [];
  const clock = createFakeClock(0);
  const say = (line: string) => lines.push(line);
  const refused = createRefusalLog({ clock, log: { debug: say, info: say, warn: say, error: say } });
  const from = (address: string, path = "/tick") =>
    refused({ address, method: "POST", path, status: 401, why: "it has no token" });
  return { lines, clock, from };
}

test("an address has a line a minute, with how many were refused in between", async () => {
  const { lines, clock, from } = world();
  for (let i = 0; i < 1000; i++) from("10.0.0.7");
  from("10.0.0.8");
  await clock.advance(59_999);
  from("10.0.0.7");
  assert.deepEqual(lines, [
    "refused POST /tick from 10.0.0.7 with 401: it has no token",
    "refused POST /tick from 10.0.0.8 with 401: it has no token",
  ]);
  await clock.advance(1);
  from("10.0.0.7");
  assert.equal(
    lines[2],
    "refused POST /tick from 10.0.0.7 with 401: it has no token (also refused: 1000 more from there since its last line)",
  );
});

test("a crowd of addresses has 100 lines a minute, and the rest is counted", async () => {
  const { lines, clock, from } = world();
  for (let i = 0; i < 5000; i++) from(`10.0.${i >> 8}.${i & 255}`);
  assert.equal(lines.length, 100);
  await clock.advance(60_000);
  from("10.1.0.0");
  from("10.0.0.0");
  assert.match(lines[100]!, /from 10\.1\.0\.0 .*\(also refused: 4900 from other addresses\)$/);
  assert.match(lines[101]!, /from 10\.0\.0\.0 with 401: it has no token$/);
});

test("a path begins no line of its own, and is cut", () => {
  const { lines, from } = world();
  from("10.0.0.7", `/a\n\u001b[31m b\u202e${"x".repeat(5000)}`);
  assert.match(lines[0]!, /^refused POST \/a\?\?\[31m\?b\?x{89} from 10\.0\.0\.7 with 401: it has no token$/);
});
