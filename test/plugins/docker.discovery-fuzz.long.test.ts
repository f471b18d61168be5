/** A million label sets of bad will. `LABEL_SEED` plays others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./label-fuzz.ts";

const seed = Number(process.env.LABEL_SEED ?? 2);

test(`a million label sets reach no command, no other container, no other host and no prototype (seed ${seed})`, () => {
  const count = fuzz(1_000_000, seed);
  assert.ok(count.services > 200_000 && count.urls > 50_000, JSON.stringify(count));
});
