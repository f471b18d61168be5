/** Reloads come one after another, and each of them is everything or nothing. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Setup } from "../../src/setup.ts";
import { folderOf, reloading, servicesFile, watched } from "./rig.ts";

test("requests that come while a reload runs are joined into one later reload", async (t) => {
  const dog = await watched(t);
  await dog.write(servicesFile("a", "b"));
  const first = dog.reload("the first");
  await dog.begun;
  const others = Array.from({ length: 50 }, (_, i) => dog.reload(`request ${i}`));
  assert.equal((await first).ok, true);
  const answers = await Promise.all(others);
  assert.equal(dog.reads(), 2);
  assert.equal(new Set(answers).size, 1);
});

test("a request during a reload sees what was written after that one had read", async (t) => {
  let adopted = () => {};
  const adopting = new Promise<void>((resolve) => {
    adopted = resolve;
  });
  let current: Setup | undefined;
  const folder = await folderOf(t);
  const path = join(folder, "watchdog.yaml");
  await writeFile(path, servicesFile("a"));
  const dog = await reloading(
    t,
    { WATCHDOG_CONFIG: path },
    {
      async adopt(setup) {
        await adopting;
        current = setup;
      },
    },
  );
  await writeFile(path, servicesFile("b"));
  const first = dog.reload("first");
  await dog.begun;
  await writeFile(path, servicesFile("c"));
  const second = dog.reload("second");
  adopted();
  await Promise.all([first, second]);
  assert.deepEqual([...current!.config.services.keys()], ["c"]);
});

test("an error of ours changes nothing, ends what was set up, and does not stop later reloads", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, "watchdog.yaml");
  await writeFile(path, servicesFile("a"));
  const refused: Setup[] = [];
  let isBroken = true;
  const dog = await reloading(
    t,
    { WATCHDOG_CONFIG: path },
    {
      async adopt(setup) {
        refused.push(setup);
        if (isBroken) throw new Error("a bug");
      },
    },
  );
  const before = dog.setup().parts;
  const file = { ...JSON.parse(servicesFile("b")), plugins: { webhook: { url: "http://127.0.0.1:9/" } } };
  await writeFile(path, JSON.stringify(file));
  const answer = await dog.reload("test");
  assert.match(answer.text, /an error of ours: a bug/);
  assert.deepEqual(dog.names(), ["a"]);
  const ended = refused[0]!.parts.filter(({ ending }) => ending.signal.aborted);
  assert.deepEqual(
    ended.map(({ wanted }) => wanted.name),
    ["webhook"],
  );
  assert.ok(
    before.every(({ ending }) => !ending.signal.aborted),
    "what runs goes on",
  );
  assert.equal(dog.report().refused?.faults.length, 1);
  isBroken = false;
  assert.equal((await dog.reload("test")).ok, true);
  assert.equal(dog.report().refused, null);
});

test("not even a failure to tell of a failure stops later reloads", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, "watchdog.yaml");
  await writeFile(path, servicesFile("a"));
  let fails = true;
  const dog = await reloading(
    t,
    { WATCHDOG_CONFIG: path },
    {
      async trouble() {
        if (fails) throw new Error("no disk");
      },
    },
  );
  await writeFile(path, "services: 7");
  await assert.rejects(dog.reload("test"), /no disk/);
  fails = false;
  await writeFile(path, servicesFile("a"));
  assert.equal((await dog.reload("test")).ok, true);
});

test("a reload that the shutdown overtakes takes nothing up", async (t) => {
  const dog = await watched(t);
  await dog.write(
    JSON.stringify({
      ...JSON.parse(servicesFile("b")),
      plugins: { webhook: { url: "http://127.0.0.1:9/" } },
    }),
  );
  const running = dog.reload("test");
  await dog.begun;
  dog.ending.abort();
  const answer = await running;
  assert.deepEqual([answer.ok, dog.names(), dog.troubles], [false, ["a"], []]);
  assert.match(answer.text, /shutting down/);
});

test("what differs is counted from what is in force, also after wrong files", async (t) => {
  const dog = await watched(t);
  await dog.write("services: 7");
  await dog.reload("test");
  const { refused, loadedAt } = dog.report();
  await dog.clock.step();
  await dog.write("services: 8");
  await dog.reload("test");
  // It has been refused since the first of them.
  assert.equal(dog.report().refused!.at, refused!.at);
  assert.equal(dog.report().loadedAt, loadedAt);
  await dog.write(servicesFile("c"));
  assert.match((await dog.reload("test")).text, /1 service; added: c; removed: a/);
});
