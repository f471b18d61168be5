/** Places that no state can be kept in: each is refused with what to do, or warned of, and none is spun on. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openWorkshop, type Workshop } from "./workshop.ts";

const skip = process.platform !== "linux" && "these places are Linux's";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
  const at = (name: string) => join(shop.folder, name);
  // Another user runs the program in one of the tests.
  await chmod(shop.folder, 0o755);
  await mkdir(at("directory"));
  await writeFile(at("file"), "");
  await symlink(at("nowhere/state.json"), at("dangling"));
  await symlink(at("ring"), at("ring"));
  if (skip === false) execFileSync("mkfifo", [at("fifo")]);
});

after(() => shop.close());

const ANOTHER = "set STATE_FILE to another place";

/** [where, a part of the reason that it ends with] */
const HOPELESS: [string, RegExp][] = [
  ["/proc/x", /\/proc\/x\.lock.*such as \/proc/],
  ["/proc/x/y", /\/proc\/x .*such as \/proc/],
  ["/proc/x/y/z/state.json", /\/proc\/x.*such as \/proc/],
  ["/proc/self/fd/x", /\/proc\/self\/fd.*such as \/proc/],
  ["/dev/null/x", /\/dev\/null .*a part of its directory is a file/],
  ["/dev/null/x/y", /\/dev\/null\/x .*a part of its directory is a file/],
  ["/dev/null", /\/dev\/null is not a plain file/],
  ["/dev/full", /\/dev\/full is not a plain file/],
  ["FOLDER/directory", /directory is not a plain file/],
  ["FOLDER/file/state.json", /a part of its directory is a file/],
  ["FOLDER/dangling/state.json", /dangling .*a part of its directory is a file/],
  ["FOLDER/ring/state.json", /ring .*a broken link/],
  ["FOLDER/ring", /ring.*symbolic links/],
  ["FOLDER/fifo", /fifo is not a plain file/],
  [`FOLDER/${"x".repeat(300)}`, /too long/],
  [`FOLDER${"/x".repeat(2500)}`, /too long \(50\d\d characters/],
];

for (const [place, reason] of HOPELESS) {
  for (const command of place.startsWith("/proc/x/y") ? ["tick", "serve"] : ["tick"]) {
    const shown = place.length > 40 ? `${place.slice(0, 20)}… (${place.length})` : place;
    test(`${command} with STATE_FILE=${shown} ends with a reason`, { skip, timeout: 20_000 }, async () => {
      const path = place.replace("FOLDER", shop.folder);
      const begunMs = Date.now();
      const run = shop.run([command], {
        PORT: "0",
        WATCHDOG_CONFIG: await shop.config("hopeless"),
        STATE_FILE: path,
      });
      assert.equal(await run.exit, 1, run.err());
      assert.ok(Date.now() - begunMs < 10_000, `it took ${Date.now() - begunMs} ms`);
      const said = run.err() + run.out();
      assert.match(said, reason);
      assert.ok(said.includes(ANOTHER), said);
      assert.ok(said.length < 2000, `${said.length} characters`);
    });
  }
}

const root = process.getuid?.() === 0 && !("Deno" in globalThis);

test("nor does root spin, which makes the directory for the user that it becomes", {
  skip: skip || (!root && "on Node, root alone becomes another user"),
}, async () => {
  const env = { WATCHDOG_RUN_AS: "65534:65534", WATCHDOG_CONFIG: await shop.config("root") };
  const run = shop.run(["tick"], { ...env, STATE_FILE: "/proc/x/y" });
  assert.equal(await run.exit, 1, run.err());
  assert.match(run.out(), /such as \/proc/);
});

test("a path with a NUL, which only a file can hold, is a fault of the configuration", { skip }, async () => {
  const path = await shop.config("nul");
  const content = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...content, stateFile: "a\0b.json" }));
  const run = shop.run(["tick"], { WATCHDOG_CONFIG: path, STATE_FILE: "" });
  assert.equal(await run.exit, 2);
  assert.match(run.err(), /stateFile: found "a\\u0000b\.json"/);
});

test("where nothing may be written now, it watches on without a memory, says so, and rests", {
  skip,
}, async () => {
  const server = await shop.serving("sys", { STATE_FILE: "/sys/x/y" });
  await server.says(/the state cannot be saved for now: .*\/sys\/x/);
  while ((await fetch(`${server.url}/readyz`)).status !== 503)
    await new Promise((soon) => setTimeout(soon, 50));
  const before = await cpuMs(server.child.pid!);
  await new Promise((soon) => setTimeout(soon, 1000));
  assert.ok((await cpuMs(server.child.pid!)) - before < 500);
  server.signal("SIGTERM");
  await server.exit;
});

test("it says that the state is saved when it is, and else what is lost and why, and exits 1", {
  skip,
}, async () => {
  const folder = join(shop.folder, "vanishing");
  /** A save that is under way may make the folder anew before the file is there. */
  const vanishes = async (tries = 0): Promise<void> => {
    await rename(folder, `${folder}-away-${tries}`);
    await writeFile(folder, "", { flag: "wx" }).catch((error) => {
      if (tries === 20) throw error;
      return vanishes(tries + 1);
    });
  };
  const takenOver = async () => {
    const path = join(folder, "state.json.lock");
    const lock = JSON.parse(await readFile(path, "utf8"));
    await writeFile(`${path}.claim`, JSON.stringify({ ...lock, token: "anothers" }));
    await rename(`${path}.claim`, path);
  };
  const cases: [string, () => Promise<unknown>, RegExp][] = [
    ["vanishing/state.json", async () => {}, /stopped; the state is saved/],
    ["vanishing/state.json", takenOver, /stopped; the state could not be saved.*lost.*took over/],
    ["vanishing/state.json", () => vanishes(), /stopped; the state could not be saved.*lost.*is a file/],
  ];
  for (const [place, harm, last] of cases) {
    const server = await shop.serving("vanishing", { STATE_FILE: join(shop.folder, place) });
    await once(shop.service, "request");
    await harm();
    server.signal("SIGTERM");
    const saved = last.source.includes("is saved");
    assert.equal(await server.exit, saved ? 0 : 1, server.err());
    assert.match(server.err(), last);
    assert.equal(/the state is saved/.test(server.err()), saved, server.err());
    await rm(folder, { recursive: true });
  }
  const nowhere = await shop.serving("vanishing", { STATE_FILE: "/sys/x/y" });
  nowhere.signal("SIGTERM");
  assert.equal(await nowhere.exit, 1);
  assert.match(nowhere.err(), /stopped; the state could not be saved/);
});

test("one that never held the state says so, and exits 0", async () => {
  const holder = await shop.serving("holder");
  const env = { STATE_FILE: join(shop.folder, "holder-state.json") };
  const other = await shop.serving("other", env);
  other.signal("SIGTERM");
  assert.equal(await other.exit, 0, other.err());
  assert.match(other.err(), /stopped; there was nothing to save: another process holds the state/);
  holder.signal("SIGTERM");
  assert.equal(await holder.exit, 0);
});

test("a link to a file that is not there yet works", { skip }, async () => {
  await symlink("later.json", join(shop.folder, "link.json"));
  const env = { WATCHDOG_CONFIG: await shop.config("link"), STATE_FILE: join(shop.folder, "link.json") };
  const run = shop.run(["tick"], env);
  assert.equal(await run.exit, 0, run.err());
  assert.match(await readFile(join(shop.folder, "link.json"), "utf8"), /"version"/);
});

/** In user and system mode; a tick of the kernel's clock is 10 ms. */
async function cpuMs(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
