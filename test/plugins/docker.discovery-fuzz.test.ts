/** 20,000 label sets of bad will; `docker.discovery-fuzz.long.test.ts` plays a million. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./label-fuzz.ts";

test("whatever labels hold, no command, no other container, no other host and no prototype is touched", () => {
  const count = fuzz(20_000, 1);
  assert.ok(count.services > 4000 && count.urls > 1000 && count.refused > 4000, JSON.stringify(count));
});
