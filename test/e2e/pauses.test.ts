/** The owner of the state is stopped for longer than its lease, over real containers. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { testImage } from "../engine.ts";
import type { PairOptions } from "../ownership/pair.ts";
import { playRuns } from "../ownership/runs.ts";
import { removeAll, runContainer, skipWithoutEngine, uniqueName } from "./engine.ts";

const skip = await skipWithoutEngine();
const RUNS = 10;
const SERVICES = 3;
const AT_ONCE = 3;

after(removeAll);

/** Follows which containers the engine restarts; it remembers only its last 256 events, too few to ask for later. */
function followRestarts(): { restarted: string[]; end: () => Promise<void> } {
  const filters = ["--filter", "type=container", "--filter", "event=restart"];
  const client = spawn("docker", ["events", ...filters, "--format", "{{.ID}}"]);
  const restarted: string[] = [];
  createInterface({ input: client.stdout }).on("line", (id) => restarted.push(id));
  const end = async () => {
    const exited = once(client, "exit");
    client.kill();
    await exited;
  };
  return { restarted, end };
}

test("20 times: no container is restarted twice for one decision, nor by a late owner", {
  skip,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "watchdog-pauses-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  // `sleep` as PID 1 ignores SIGTERM, and the default of 10 s would outlast the run.
  const args = ["--network", "none", "--stop-timeout", "0", testImage(), "sleep", "600"];
  const started: string[] = [];
  const places: PairOptions[] = [];
  for (let place = 0; place < AT_ONCE; place++) {
    const containers = Array.from({ length: SERVICES }, () => uniqueName("pause"));
    for (const name of containers) started.push(await runContainer(name, args));
    places.push({ containers, speed: 8 });
  }
  const { restarted, end } = followRestarts();
  const counts = await playRuns(RUNS, places, folder).finally(end);
  const engine = restarted.filter((id) => started.includes(id)).length;
  t.diagnostic(`${JSON.stringify(counts)}; restarts that the engine made: ${engine}`);
  assert.equal(counts.runs, RUNS);
  assert.ok(counts.late > 0 && counts.restarts > 0, "the runs show nothing");
  assert.equal(engine, counts.restarts, "the engine restarted what was asked, and nothing else");
});
