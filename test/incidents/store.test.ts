import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Incident } from "../../src/core/event.ts";
import { createIncidentStore } from "../../src/incidents/store.ts";
import { T0 } from "../core/drive.ts";

let folder = "";
const warnings: string[] = [];
const quiet = () => {};
const log = { debug: quiet, info: quiet, warn: (line: string) => warnings.push(line), error: quiet };

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "watchdog-incidents-"));
});
after(() => rm(folder, { recursive: true }));

function incident(id: string, service = "executor"): Incident {
  return {
    id,
    service,
    displayName: "Executor",
    container: "spreadpilot-executor",
    startedAt: T0,
    endedAt: T0 + 62_000,
    durationMs: 62_000,
    firstReason: "HTTP 503",
    outcome: "Executor recovered after a restart (down for 1 min 2 s)",
    restarts: 1,
    log: [{ at: T0, text: "the first check failed" }],
  };
}

const evidence = (line: string) => ({ healthLog: [], logLines: [line] });

test("evidence and the end of an incident are one readable record", async () => {
  const store = createIncidentStore(join(folder, "one"), log);
  await Promise.all([
    store.addEvidence("inc_1", "executor", evidence("boom"), T0),
    store.close(incident("inc_1")),
  ]);
  const file = (await store.read("inc_1"))!;
  assert.equal(file.startedAt, T0);
  assert.deepEqual(file.evidence, [{ takenAt: T0, ...evidence("boom") }]);
  assert.deepEqual(file.log, [{ at: T0, text: "the first check failed" }]);
  const written = JSON.parse(await readFile(join(folder, "one", "inc_1.json"), "utf8"));
  assert.equal(written.startedAt, "2026-11-23T18:00:00.000Z");
  assert.deepEqual(written.evidence, [{ takenAt: "2026-11-23T18:00:00.000Z", ...evidence("boom") }]);
  assert.deepEqual(written.log, [{ at: "2026-11-23T18:00:00.000Z", text: "the first check failed" }]);
  assert.equal((await stat(join(folder, "one", "inc_1.json"))).mode & 0o077, 0, "only the watchdog reads it");
});

test("of many restarts the first evidence and the last are kept", async () => {
  const store = createIncidentStore(join(folder, "many"), log);
  for (let i = 0; i < 10; i++) await store.addEvidence("inc_1", "executor", evidence(`line ${i}`), T0 + i);
  const lines = (await store.read("inc_1"))!.evidence.map(({ logLines }) => logLines[0]);
  assert.deepEqual(lines, ["line 0", "line 1", "line 2", "line 9"]);
});

test("the last incidents of a service are found, newest first; open ones are not among them", async () => {
  const store = createIncidentStore(join(folder, "last"), log);
  for (const id of ["inc_a", "inc_b", "inc_c"]) await store.close(incident(id));
  await store.close(incident("inc_d", "monitor"));
  await store.addEvidence("inc_e", "executor", evidence("x"), T0);
  const last = await store.last("executor", 2);
  assert.deepEqual(
    last.map(({ id }) => id),
    ["inc_c", "inc_b"],
  );
});

test("the store is bounded: the oldest go", async () => {
  const store = createIncidentStore(join(folder, "bounded"), log);
  for (let i = 0; i < 205; i++) await store.close(incident(`inc_${String(i).padStart(4, "0")}`));
  const names = (await readdir(join(folder, "bounded"))).sort();
  assert.equal(names.length, 200);
  assert.equal(names[0], "inc_0005.json");
});

test("a folder that cannot be written costs the record, is said, and nothing else", async () => {
  await writeFile(join(folder, "file"), "");
  const store = createIncidentStore(join(folder, "file"), log);
  await store.close(incident("inc_1"));
  assert.match(warnings.at(-1)!, /the incident inc_1 could not be kept/);
  assert.deepEqual(await store.last("executor", 5), []);
});

test("an id from outside never leaves the folder", async () => {
  const store = createIncidentStore(join(folder, "one"), log);
  for (const id of ["../one/inc_1", "inc_1/../inc_1", "inc_1.json", "", "inc_1\0"]) {
    assert.equal(await store.read(id), undefined, JSON.stringify(id));
  }
});

test("a broken file is as if it were not there", async () => {
  const store = createIncidentStore(join(folder, "last"), log);
  await writeFile(join(folder, "last", "inc_z.json"), "{");
  assert.equal(await store.read("inc_z"), undefined);
  assert.equal((await store.last("executor", 1))[0]!.id, "inc_c");
});
