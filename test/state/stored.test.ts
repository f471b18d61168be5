/** What other versions wrote is read as it was meant, and what is written has not changed by a byte. */
import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { emptyState } from "../../src/core/state.ts";
import { incidentDetail, incidentList } from "../../src/http/incident-views.ts";
import { createIncidentStore } from "../../src/incidents/store.ts";
import type { Clock, Log } from "../../src/plugin.ts";
import { watchdogFormat } from "../../src/state/codec.ts";
import { restoreState } from "../../src/state/restore.ts";
import { openStateFile } from "../../src/state/store.ts";
import { earlier, evidence, incident, state, stateOf010, takenAt } from "./stored-values.ts";

const FIXTURES = fileURLToPath(new URL("fixtures", import.meta.url));
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const clock: Clock = { now: Date.now, monotonicMs: () => performance.now(), wait: async () => {} };

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "watchdog-stored-"));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

async function open(t: TestContext, dir: string) {
  const path = join(dir, "state.json");
  const opened = await openStateFile({ path, format: watchdogFormat, clock, log: silent });
  assert.ok(opened.ok, JSON.stringify(opened));
  t.after(() => opened.store.close());
  assert.equal(opened.damaged, undefined);
  assert.equal(opened.setAside, undefined);
  return opened;
}

const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

/** The files that make up a state, whose journal has another name in every run. */
async function written(dir: string) {
  const journal = (await readdir(dir)).find((name) => name.includes(".outbox-"));
  assert.ok(journal, `no journal in ${dir}`);
  const document = await readFile(join(dir, "state.json"), "utf8");
  return {
    document: document.replace(journal, "(journal)"),
    journal: await readFile(join(dir, journal), "utf8"),
  };
}

test("every field of a state with a journal is read as it was", async (t) => {
  const dir = await folder(t);
  await cp(join(FIXTURES, "unreleased"), dir, { recursive: true });
  const { loaded } = await open(t, dir);
  const restored = restoreState({ loaded });
  assert.equal(restored.trouble, undefined);
  assert.deepEqual(restored.state, state);
});

test("every field of a state of 0.1.0 is read as it was", async (t) => {
  const dir = await folder(t);
  await cp(join(FIXTURES, "0.1.0"), dir, { recursive: true });
  const { loaded } = await open(t, dir);
  const known = stateOf010();
  assert.deepEqual(plain(loaded), known);
  const restored = restoreState({ loaded });
  assert.equal(restored.trouble, undefined);
  const { executor } = known.services as Record<string, { outage: object }>;
  assert.deepEqual(plain(restored.state.services.executor), {
    ...executor,
    outage: { ...executor!.outage, lastReason: "", toldAs: "" },
  });
  assert.deepEqual(plain(restored.state.outbox), known.outbox);
});

test("the same values are written as the same bytes, in the state and in its journal", async (t) => {
  const dir = await folder(t);
  const { store } = await open(t, dir);
  for (const value of [earlier, state]) assert.deepEqual(await store.save(value), { ok: true });
  assert.deepEqual(await written(dir), await written(join(FIXTURES, "unreleased")));
});

test("a state that was only read and saved again is the same, byte for byte", async (t) => {
  const dir = await folder(t);
  await cp(join(FIXTURES, "unreleased"), dir, { recursive: true });
  const before = await written(dir);
  const { store, loaded } = await open(t, dir);
  assert.deepEqual(await store.save(restoreState({ loaded }).state), { ok: true });
  assert.equal(
    (await written(dir)).document.replace(/"bytes": \d+/, ""),
    before.document.replace(/"bytes": \d+/, ""),
  );
});

test("an incident and its evidence are written as the same bytes", async (t) => {
  const dir = await folder(t);
  const file = `${incident.id}.json`;
  const expected = await readFile(join(FIXTURES, "unreleased", "incidents", file), "utf8");
  const store = createIncidentStore(dir, silent);
  for (const at of takenAt) await store.addEvidence(incident.id, incident.service, evidence, at);
  await store.close(incident);
  assert.equal(await readFile(join(dir, file), "utf8"), expected);
});

for (const version of ["0.1.0", "unreleased"]) {
  test(`the answers about a closed incident (${version}) hold what its file holds`, async () => {
    const folder = join(FIXTURES, version, "incidents");
    const file = await createIncidentStore(folder, silent).read(incident.id);
    const json = JSON.parse(await readFile(join(folder, `${incident.id}.json`), "utf8"));
    const detail = incidentDetail(emptyState(), new Map(), incident.id, file);
    assert.equal(JSON.stringify(detail), JSON.stringify(json));
    const [listed] = incidentList(emptyState(), [file!]).incidents;
    assert.deepEqual(listed, {
      id: json.id,
      service: json.service,
      started_at: json.startedAt,
      duration_ms: json.durationMs,
      outcome: json.outcome,
      reason: json.firstReason,
      hint: json.hint,
    });
  });
}

test("an incident of 0.1.0 is read, and closed again as the same bytes but for its number", async (t) => {
  const dir = await folder(t);
  const file = `${incident.id}.json`;
  await cp(join(FIXTURES, "0.1.0", "incidents"), dir, { recursive: true });
  const before = JSON.parse(await readFile(join(dir, file), "utf8"));
  const store = createIncidentStore(dir, silent);
  assert.deepEqual(
    (await store.last("executor", 5)).map(({ id }) => id),
    [incident.id],
  );
  await store.close(incident);
  const after = await readFile(join(dir, file), "utf8");
  assert.equal(after, `${JSON.stringify({ ...before, sequence: 1 }, null, 2)}\n`);
});
