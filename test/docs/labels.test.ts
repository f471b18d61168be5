/** The page on discovery names every label that is read, and no label that is not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DIALECTS, ENABLE, EXCLUDE } from "../../plugins/docker/discovery/dialects.ts";
import { RULES } from "../plugins/discovered.ts";
import { inlineCodeOf } from "./pages.ts";

const PAGE = "docs/discovery.md";

test("every label that is read is on the page on discovery, and every label of ours there is read", () => {
  const named = new Set(inlineCodeOf(PAGE).map((code) => code.replace(/=.*$/, "")));
  const read = DIALECTS.flatMap(({ words, switches }) => [...words, ...(switches?.(RULES) ?? [])]);
  const labels = new Set([ENABLE, EXCLUDE, ...read.map(({ label }) => label)]);
  assert.ok(labels.size > 25, `${labels.size} labels were found`);
  assert.deepEqual(
    [...labels].filter((label) => !named.has(label)),
    [],
  );
  const ours = [...named].filter((code) => /^watchdog\.[a-z-]+$/.test(code));
  assert.deepEqual(
    ours.filter((label) => !labels.has(label)),
    [],
  );
});
