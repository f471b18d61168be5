/**
 * Two watchdogs share one state; the one that owns it is stopped (SIGSTOP) for longer than its lease at a random
 * moment, and goes on when the other has taken over. Then the other is stopped. Real processes, a real lock, real
 * checks; the docker client is a script that writes down who gave the command, and who owned the state then.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { playRuns } from "./runs.ts";

const RUNS = Number(process.env.PAUSE_RUNS ?? 10);

test(`${RUNS} times: a watchdog that is stopped and comes back restarts nothing that the owner of the state did not order`, {
  // The same sources and the same lock: on Deno the starts of its processes would be most of the time.
  skip: "Deno" in globalThis,
  timeout: 60_000 + RUNS * 10_000,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "watchdog-pauses-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const counts = await playRuns(RUNS, [{}, {}, {}], folder);
  t.diagnostic(JSON.stringify(counts));
  assert.equal(counts.runs, RUNS);
  assert.ok(counts.late > 0, "no process ever came back too late: the runs show nothing");
  assert.ok(counts.restarts > RUNS, "hardly anything was restarted: the runs show nothing");
});
