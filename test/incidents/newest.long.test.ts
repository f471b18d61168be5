/** The last 200 incidents are the last in time, whatever their ids, their processes and the clock. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Incident } from "../../src/core/event.ts";
import { createIncidentStore } from "../../src/incidents/store.ts";
import { T0 } from "../core/drive.ts";

const KEPT = 200;
const HOUR_MS = 3_600_000;
let root = "";
const quiet = () => {};
const log = {
  debug: quiet,
  info: quiet,
  warn: (line: string) => assert.fail(line),
  error: quiet,
};

before(async () => {
  root = await mkdtemp(join(tmpdir(), "watchdog-newest-"));
});
after(() => rm(root, { recursive: true }));

function incident(id: string, endedAt: number, service = "executor"): Incident {
  return {
    id,
    service,
    displayName: "Executor",
    container: "spreadpilot-executor",
    startedAt: endedAt - 1000,
    endedAt,
    durationMs: 1000,
    firstReason: "HTTP 503",
    outcome: "Executor recovered",
    restarts: 0,
    log: [],
  };
}

/** As the ledger and the core make them: the process's start, a word of its own, and two counters. */
function idsOf(startedAt: number, word: string) {
  let events = 0;
  let within = 0;
  return () => {
    events += 1 + (events % 7);
    within = (within * 31 + 7) % 1300;
    return `inc_${startedAt.toString(36)}${word}${events.toString(36)}x${within.toString(36)}`;
  };
}

async function kept(folder: string): Promise<string[]> {
  return (await readdir(folder)).map((name) => name.replace(".json", "")).sort();
}

const evidence = { healthLog: [], logLines: ["boom"] };

test("thousands of incidents of several processes, the clock set back and forth: the 200 newest are kept", async () => {
  const folder = join(root, "processes");
  const all: string[] = [];
  // A year ahead and back: of these, only the order of the writes tells which are new.
  for (const [process, offsetMs] of [0, 10_000, 8760 * HOUR_MS, -HOUR_MS, -8760 * HOUR_MS].entries()) {
    const now = T0 + process * HOUR_MS + offsetMs;
    const store = createIncidentStore(folder, log);
    await store.open();
    const nextId = idsOf(now, `word${process}000`);
    for (let i = 0; i < 400; i++) {
      const id = nextId();
      if (i % 10 === 0) await store.addEvidence(id, "executor", evidence, now + i * 1000);
      await store.close(incident(id, now + i * 1000));
      all.push(id);
    }
    assert.deepEqual(await kept(folder), all.slice(-KEPT).sort(), `after process ${process}`);
    const last = await createIncidentStore(folder, log).last("executor", 5);
    assert.deepEqual(
      last.map(({ id }) => id),
      all.slice(-5).reverse(),
    );
  }
});

test("of files without a number (0.1.0), the ones that ended last are kept", async () => {
  const folder = join(root, "older");
  await mkdir(folder);
  const nextId = idsOf(T0, "older000");
  const all = Array.from({ length: 260 }, (_, i) => ({ id: nextId(), at: T0 + i * 1000 }));
  // In another order than they ended in: a copied folder has the times of the copy.
  for (const { id, at } of [...all].reverse()) {
    const file = { id, service: "executor", evidence: [], endedAt: new Date(at).toISOString() };
    await writeFile(join(folder, `${id}.json`), JSON.stringify(file));
    await utimes(join(folder, `${id}.json`), 1, 1);
  }
  const store = createIncidentStore(folder, log);
  await store.close(incident("inc_0", T0 - HOUR_MS));
  const expected = [...all.slice(-KEPT + 1).map(({ id }) => id), "inc_0"];
  assert.deepEqual(await kept(folder), expected.sort());
  const last = await store.last("executor", 3);
  assert.deepEqual(
    last.map(({ id }) => id),
    ["inc_0", all[259]!.id, all[258]!.id],
  );
});

test("the evidence of an outage that lasts is kept, however many others end meanwhile", async () => {
  const folder = join(root, "open");
  const open = new Set(["inc_zlong", "inc_0long"]);
  const make = () => createIncidentStore(folder, log, (_, id) => open.has(id));
  let store = make();
  await store.addEvidence("inc_forgotten", "gone", evidence, T0);
  for (const id of open) await store.addEvidence(id, "monitor", evidence, T0);
  for (let i = 0; i < 300; i++) {
    if (i === 150) store = make();
    await store.close(incident(`inc_${i.toString(36)}`, T0 + i * 1000));
  }
  const ids = await kept(folder);
  assert.equal(ids.length, KEPT);
  for (const id of open) assert.ok(ids.includes(id), id);
  assert.ok(!ids.includes("inc_forgotten"), "nobody will ever close it");
  open.delete("inc_0long");
  await store.close(incident("inc_0long", T0 + HOUR_MS, "monitor"));
  const [closed] = await store.last("monitor", 1);
  assert.deepEqual(closed?.evidence[0]?.logLines, ["boom"]);
});

test("what a crash left half written goes when the folder is opened, and nothing else", async () => {
  const folder = join(root, "crash");
  await mkdir(folder);
  for (const name of ["inc_1.json.tmp", "inc_2.json", "notes.json", "notes.json.tmp"]) {
    await writeFile(join(folder, name), '{"id":"in');
  }
  const store = createIncidentStore(folder, log);
  assert.deepEqual(await store.last("executor", 5), []);
  assert.ok((await readdir(folder)).includes("inc_1.json.tmp"), "who only reads removes nothing");
  await store.open();
  assert.deepEqual((await readdir(folder)).sort(), ["inc_2.json", "notes.json", "notes.json.tmp"]);
  for (let i = 0; i < KEPT + 5; i++) await store.close(incident(`inc_a${i}`, T0 + i));
  const names = await readdir(folder);
  assert.ok(!names.includes("inc_2.json"), "a broken file counts as the oldest");
  assert.ok(names.includes("notes.json"), "a file that is not ours is left alone");
  assert.equal(await readFile(join(folder, "notes.json"), "utf8"), '{"id":"in');
});
