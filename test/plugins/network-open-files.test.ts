import assert from "node:assert/strict";
import { test } from "node:test";
import { openFileLimit, withinOpenFiles } from "../../plugins/network/open-files.ts";

const MOST = { places: 256, quiet: 2048 };

for (const [limit, places, quiet] of [
  [undefined, 256, 2048],
  [1_048_576, 256, 2048],
  [4096, 256, 2048],
  [1024, 256, 608],
  [512, 176, 176],
  [256, 48, 48],
  [100, 8, 8],
  [0, 8, 8],
] as const) {
  test(`with ${limit ?? "no limit of"} open files, ${places} checks and ${quiet} that hang`, () => {
    assert.deepEqual(withinOpenFiles(MOST, limit), { places, quiet });
  });
}

test("where a person asks for fewer, it stays at that", () => {
  assert.deepEqual(withinOpenFiles({ places: 1, quiet: 8 }, 512), { places: 1, quiet: 8 });
});

test("the limit is known on Linux", { skip: process.platform !== "linux" }, () => {
  assert.ok((openFileLimit() ?? 0) > 0);
});
