/** Files that cannot be used: broken, newer, or not files at all. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { StateFormat } from "../../src/state/codec.ts";
import { realFs, type StateFs } from "../../src/state/fs.ts";
import { AT, failing, world } from "./world.ts";

test("a file cut at any byte is set aside and never overwrites an earlier one", async (t) => {
  const { dir, path, time, mustOpen, saved } = await world(t);
  const small = { at: AT, reason: "200 – ö" };
  const format: StateFormat = { version: 1, times: { at: "time" } };
  // A sync for each of them would take seconds, and prove nothing here.
  const open: StateFs["open"] = async (...args) =>
    Object.assign(await realFs.open(...args), { sync: async () => {} });
  const fs = { ...realFs, open };
  const whole = await mustOpen({ fs, format });
  await whole.store.save(small);
  await whole.store.close();
  const bytes = await readFile(path);
  for (let length = 0; length < bytes.length; length++) {
    await writeFile(path, bytes.subarray(0, length));
    const opened = await mustOpen({ fs, format });
    // The last byte is a newline: without it the file is whole.
    if (length === bytes.length - 1) assert.deepEqual(opened.loaded, small);
    else {
      assert.equal(opened.loaded, undefined);
      assert.ok(opened.setAside, `cut at ${length}`);
      assert.deepEqual(await readFile(opened.setAside.path), bytes.subarray(0, length));
    }
    await opened.store.close();
    time.ms += 300;
  }
  const kept = (await readdir(dir)).filter((name) => name.includes(".corrupt-"));
  assert.equal(kept.length, bytes.length - 1);
  assert.ok(kept.includes("state.json.corrupt-20261123T182015Z"), kept.join("\n"));
  assert.ok(kept.includes("state.json.corrupt-20261123T182015Z-2"), kept.join("\n"));
  assert.deepEqual(await saved(), { version: 1, at: "2026-11-23T18:20:15.000Z", reason: "200 – ö" });
});

test("every kind of broken file is set aside with a reason that quotes nothing of it", async (t) => {
  const { path, mustOpen, saved } = await world(t);
  const broken: [string | Uint8Array, RegExp][] = [
    ["", /is empty/],
    ["secret", /is not complete JSON \(6 bytes\)/],
    ["null", /does not contain a JSON object/],
    ["[1]", /does not contain a JSON object/],
    ["{}", /has no version \(found none, accepted 1 to 1\)/],
    ['{"version":"secret"}', /has no version \(found a string/],
    ['{"version":0}', /has no version \(found 0/],
    [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), /is not complete JSON/],
    [new Uint8Array(4096), /is not complete JSON/],
    [`${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`, /is not complete JSON|has no version/],
  ];
  for (const [content, wanted] of broken) {
    await writeFile(path, content);
    const { store, loaded, setAside } = await mustOpen();
    assert.equal(loaded, undefined);
    assert.match(setAside?.reason ?? "", wanted);
    assert.match(
      setAside?.reason ?? "",
      /; it was moved to .*corrupt-.*, and the watchdog starts with an empty state/,
    );
    assert.doesNotMatch(setAside?.reason ?? "", /secret/);
    assert.deepEqual(await store.save({ n: 1 }), { ok: true });
    assert.deepEqual(await saved(), { version: 1, n: 1 });
    await store.close();
  }
});

test("a file of a newer version is refused and stays as it is, byte for byte", async (t) => {
  const { dir, path, open } = await world(t);
  const text = '{"version":7,  "x":[1,2]}';
  await writeFile(path, text);
  const opened = await open();
  assert.ok(!opened.ok && opened.fault === "newer", JSON.stringify(opened));
  assert.match(opened.reason, /has version 7 .* reads versions up to 1: start the newer watchdog/);
  assert.equal(await readFile(path, "utf8"), text);
  assert.deepEqual(await readdir(dir), ["state.json"]);
});

test("a file of an older version is handed over with its number", async (t) => {
  const { path, mustOpen } = await world(t);
  await writeFile(path, '{"version":2,"x":1}');
  const { loaded, loadedVersion } = await mustOpen({ format: { version: 3 } });
  assert.deepEqual([loaded, loadedVersion], [{ x: 1 }, 2]);
});

test("what cannot be a state file is refused with what to do", async (t) => {
  const { dir, path, open } = await world(t);
  await mkdir(path);
  const directory = await open();
  assert.ok(!directory.ok && directory.fault === "unusable", JSON.stringify(directory));
  assert.match(directory.reason, /is not a plain file: set STATE_FILE/);
  await writeFile(join(dir, "file"), "");
  for (const below of ["file/state.json", "file/deep/state.json"]) {
    const opened = await open({ path: join(dir, below) });
    assert.ok(!opened.ok && opened.fault === "unusable", JSON.stringify(opened));
    assert.match(opened.reason, /a part of its directory is a file/);
  }
  await writeFile(join(dir, "own.json"), '{"version":1}');
  const readFile: StateFs["readFile"] = (async (name: string, ...rest: []) => {
    if (String(name).endsWith("own.json")) throw failing("EACCES");
    return realFs.readFile(name, ...rest);
  }) as StateFs["readFile"];
  const denied = await open({ path: join(dir, "own.json"), fs: { ...realFs, readFile } });
  assert.ok(!denied.ok && denied.fault === "unusable", JSON.stringify(denied));
  assert.match(denied.reason, /cannot be read: no permission for .*own\.json.* give that user/);
});
