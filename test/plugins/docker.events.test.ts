/** What is asked of `docker events`, with a client that ends at once, and a clock that nobody waits for. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { followEvents } from "../../plugins/docker/discovery/events.ts";
import type { Clock } from "../../src/plugin.ts";
import { installDocker } from "../fake-docker.ts";

test("each client also asks for what happened shortly before it, and comes again within 10 s", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "watchdog-events-"));
  t.after(() => rmSync(folder, { recursive: true }));
  await installDocker(join(folder, "bin"), `#!/bin/sh\necho "$*" >> ${folder}/calls\n`);
  const ending = new AbortController();
  const waits: number[] = [];
  const clock = {
    monotonicMs: () => 0,
    wait: async (waitMs: number) => {
      if (waitMs !== 500) waits.push(waitMs);
      if (waits.length === 7) ending.abort();
    },
  } as unknown as Clock;
  let changes = 0;
  const env = { PATH: [join(folder, "bin"), process.env.PATH].join(delimiter) };
  await followEvents({ env, flags: [] }, clock, () => changes++, ending.signal);
  assert.deepEqual(waits, [1000, 2000, 5000, 10_000, 10_000, 10_000, 10_000]);
  assert.ok(changes > 0);
  for (const call of readFileSync(join(folder, "calls"), "utf8").trim().split("\n")) {
    assert.match(call, /^events --since 60s /);
  }
});
