import assert from "node:assert/strict";
import { readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { StateFormat } from "../../src/state/codec.ts";
import { realFs, type StateFs } from "../../src/state/fs.ts";
import { seeded } from "../simulation/random.ts";
import { failing, filesIn, world } from "./world.ts";

interface Item {
  id: string;
  text: string;
  tries: number;
  nextAt: number;
}
interface Doc {
  n: number;
  items: readonly Item[];
}

const format: StateFormat = {
  version: 1,
  journal: {
    times: { items: { nextAt: "time" } },
    take(value) {
      const { items, ...document } = value as Doc;
      return { document, lists: { items } };
    },
    put: (document, { items = [] }) => ({ ...document, items }),
  },
};
const AT = Date.UTC(2026, 10, 24);
const item = (id: number, text = "x".repeat(300)): Item => ({
  id: `i${id}`,
  text,
  tries: 0,
  nextAt: AT + id,
});

async function journalOf(dir: string): Promise<string | undefined> {
  const names = (await readdir(dir)).filter((name) => name.includes(".outbox-"));
  assert.ok(names.length <= 1, `more than one journal: ${names}`);
  return names[0] && join(dir, names[0]);
}

async function shop(t: TestContext) {
  const place = await world(t);
  const mustOpen = (more: object = {}) => place.mustOpen({ format, ...more });
  return { ...place, mustOpen };
}

test("what waits lies in the journal, the state file stays small, and both are loaded as one", async (t) => {
  const { dir, mustOpen, saved } = await shop(t);
  const first = await mustOpen();
  const items = Array.from({ length: 1000 }, (_, i) => item(i));
  const value: Doc = { n: 1, items };
  assert.deepEqual(await first.store.save(value), { ok: true });
  const path = (await journalOf(dir))!;
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.ok((await stat(join(dir, "state.json"))).size < 300);
  assert.deepEqual(Object.keys(await saved()), ["version", "journal", "n"]);
  const { size } = await stat(path);
  const changed = items.map((one, i) => (i === 500 ? { ...one, tries: 1, nextAt: AT + 99 } : one)).slice(1);
  await first.store.save({ n: 2, items: changed });
  const grown = (await readFile(path, "utf8")).slice(size);
  assert.equal(
    grown,
    '{"drop":"items","id":"i0"}\n{"patch":"items","id":"i500","with":{"tries":1,"nextAt":"2026-11-24T00:00:00.099Z"}}\n',
  );
  await first.store.close();
  assert.deepEqual((await mustOpen()).loaded, { n: 2, items: changed });
});

test("a save in which nothing waits anew writes the state file alone", async (t) => {
  const { dir, mustOpen } = await shop(t);
  const { store } = await mustOpen();
  const items = [item(1)];
  await store.save({ n: 1, items });
  const { mtimeMs, size } = await stat((await journalOf(dir))!);
  await store.save({ n: 2, items });
  await store.save({ n: 3, items: [...items] });
  const after = await stat((await journalOf(dir))!);
  assert.deepEqual([after.mtimeMs, after.size], [mtimeMs, size]);
});

test("when nothing waits any more, nothing of it is left, and nothing names a journal", async (t) => {
  const { dir, mustOpen, saved } = await shop(t);
  const { store } = await mustOpen();
  await store.save({ n: 1, items: [item(1), item(2)] });
  await store.save({ n: 2, items: [] });
  assert.equal((await saved()).journal, undefined);
  assert.equal((await stat((await journalOf(dir))!)).size, 0);
  await store.save({ n: 3, items: [item(3)] });
  assert.equal((await saved()).journal.bytes, (await stat((await journalOf(dir))!)).size);
  await store.save({ n: 4, items: [] });
  await store.close();
  assert.deepEqual(await filesIn(dir), ["state.json"]);
});

test("a file that is mostly history is written anew", async (t) => {
  const { dir, mustOpen } = await shop(t);
  const { store } = await mustOpen();
  const files = new Set<string>();
  let most = 0;
  let items: Item[] = [item(0)];
  for (let i = 1; i <= 300; i++) {
    items = [...items.slice(-3), item(i, "x".repeat(1000))];
    await store.save({ n: i, items });
    const path = (await journalOf(dir))!;
    files.add(path);
    most = Math.max(most, (await stat(path)).size);
  }
  assert.ok(files.size >= 3 && files.size <= 20, `${files.size} files`);
  assert.ok(most < 140 * 1024, `${most} bytes for four rows`);
  await store.close();
  assert.deepEqual((await mustOpen()).loaded, { n: 300, items });
});

test("random changes are read back as they were, however often it is opened anew", async (t) => {
  const { mustOpen } = await shop(t);
  const random = seeded(11);
  let items: Item[] = [];
  for (let life = 0; life < 8; life++) {
    const { store, loaded } = await mustOpen();
    assert.deepEqual((loaded as Doc | undefined)?.items ?? [], items, `life ${life}`);
    if (loaded) items = [...(loaded as Doc).items];
    for (let save = 0; save < 20; save++) {
      items = items.filter(() => random.chance(0.85));
      items = items.map((one) => (random.chance(0.2) ? { ...one, tries: one.tries + 1, nextAt: AT } : one));
      const fresh = Math.floor(random.between(0, 6));
      for (let i = 0; i < fresh; i++)
        items = [...items, item(life * 1000 + save * 10 + i, "ö\n\u0000".repeat(i))];
      // One that was taken out comes back at the end.
      if (items.length > 1 && random.chance(0.3)) items = [...items.slice(1), { ...items[0]!, tries: 0 }];
      assert.deepEqual(await store.save({ n: save, items }), { ok: true });
    }
    await store.close();
  }
});

test("a fault of the disk at any step of a save loses nothing, and the next save holds all", async (t) => {
  const { dir, mustOpen, saved } = await shop(t);
  let failAt = Number.POSITIVE_INFINITY;
  let step = 0;
  const strike = () => {
    if (++step === failAt) throw failing("ENOSPC");
  };
  const open: StateFs["open"] = async (...args) => {
    if (!/outbox-|\.tmp-/.test(String(args[0]))) return realFs.open(...args);
    strike();
    const handle = await realFs.open(...args);
    for (const name of ["write", "writeFile", "sync", "datasync"] as const) {
      const real = handle[name].bind(handle) as (...all: unknown[]) => Promise<unknown>;
      Object.assign(handle, {
        [name]: async (...all: unknown[]) => {
          strike();
          return real(...all);
        },
      });
    }
    return handle;
  };
  const rename: StateFs["rename"] = async (...args) => {
    if (String(args[1]).endsWith("state.json")) strike();
    return realFs.rename(...args);
  };
  let items: Item[] = [];
  let failed = 0;
  for (let round = 0; round < 30; round++) {
    const { store, loaded } = await mustOpen({ fs: { ...realFs, open, rename } });
    if (loaded) {
      assert.deepEqual((loaded as Doc).items, items, `round ${round}`);
      items = [...(loaded as Doc).items];
    }
    [step, failAt] = [0, 1 + (round % 10)];
    const before = items;
    items = [...items.slice(items.length > 20 ? 10 : 0), item(round * 2), item(round * 2 + 1)];
    const first = await store.save({ n: round, items });
    if (!first.ok) {
      failed++;
      assert.match(first.reason, /no space left/);
      const { journal } = await saved().catch(() => ({ journal: undefined }));
      if (journal) assert.ok((await readdir(dir)).includes(journal.file), "what counts is there");
    }
    failAt = Number.POSITIVE_INFINITY;
    // Half of the processes die with their failed save, the others save again.
    if (!first.ok && round % 2 === 0) items = before;
    else assert.deepEqual(await store.save({ n: round, items }), { ok: true });
    await store.close();
  }
  assert.ok(failed >= 10, `only ${failed} saves failed`);
});

test("a late owner changes nothing that its successor saved, whatever it still writes", async (t) => {
  const { mustOpen, time } = await shop(t);
  let meanwhile = async () => {};
  const rename: StateFs["rename"] = async (...args) => {
    await meanwhile();
    return realFs.rename(...args);
  };
  const first = await mustOpen({ fs: { ...realFs, rename } });
  await first.store.save({ n: 1, items: [item(1)] });
  time.ms += 20_001;
  const second = await mustOpen();
  assert.deepEqual((second.loaded as Doc).items, [item(1)]);
  assert.equal((await first.store.save({ n: 2, items: [item(1), item(2)] })).ok, false);
  assert.equal((await first.store.save({ n: 3, items: [] })).ok, false);
  await second.store.save({ n: 4, items: [...(second.loaded as Doc).items, item(4)] });
  assert.equal((await first.store.save({ n: 5, items: [item(5)] })).ok, false);
  await first.store.close();
  await second.store.close();
  meanwhile = async () => {};
  assert.deepEqual((await mustOpen()).loaded, { n: 4, items: [item(1), item(4)] });
});

test("a journal that somebody removed while it is in use is written again with the next save", async (t) => {
  const { dir, mustOpen } = await shop(t);
  const { store } = await mustOpen();
  const items = [item(1), item(2)];
  await store.save({ n: 1, items });
  await rm((await journalOf(dir))!);
  assert.deepEqual(await store.save({ n: 2, items }), { ok: true });
  await store.close();
  assert.deepEqual((await mustOpen()).loaded, { n: 2, items });
});

test("a journal that is cut, damaged or gone is said, and the rest is used", async (t) => {
  for (const [what, spoil, left] of [
    ["cut", (path: string) => truncate(path, 500), [item(1)]],
    [
      "damaged",
      async (path: string) => writeFile(path, (await readFile(path, "utf8")).replace('"row"', '"rov"')),
      [item(2)],
    ],
    ["gone", (path: string) => rm(path), []],
  ] as const) {
    const { dir, mustOpen } = await shop(t);
    const { store } = await mustOpen();
    await store.save({ n: 1, items: [item(1), item(2)] });
    await store.close();
    await spoil((await journalOf(dir))!);
    const { loaded, damaged } = await mustOpen();
    assert.deepEqual((loaded as Doc).items, left, what);
    assert.match(damaged ?? "", /missing/, what);
  }
});

test("files of earlier owners go, those of others stay", async (t) => {
  const { dir, path, mustOpen } = await shop(t);
  await writeFile(path, '{"version":1,"n":1,"journal":{"file":"../../etc/passwd","bytes":9}}');
  for (const name of ["state.json.outbox-dead-1", "other.json.outbox-1"])
    await writeFile(join(dir, name), "x");
  const { damaged } = await mustOpen();
  assert.match(damaged ?? "", /missing/);
  assert.deepEqual(await filesIn(dir), ["other.json.outbox-1", "state.json", "state.json.lock"]);
});
