/** Files that a file includes. */
import assert from "node:assert/strict";
import { utimesSync } from "node:fs";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { faultsOf, loaded, plugins } from "./fixture.ts";

const MAIN = "/app/watchdog.config.yaml";
const web = "services: { web: { url: http://web/ } }\n";
const db =
  "services: { db: { url: http://db/, dependsOn: [web], extends: slow } }\ntemplates: { slow: { interval: 1m } }\n";

test("services, templates and windows of all files are one configuration", async () => {
  const window = "maintenance: [{ cron: '0 3 * * *', duration: 1h }]\n";
  const config = await loaded({
    files: {
      [MAIN]: `include: [conf.d/*.yaml, more.json]\n${web}${window}`,
      "/app/conf.d/10-db.yaml": `${db}${window}x-any: 1\n`,
      "/app/conf.d/.10-db.yaml.swp": "not YAML: [",
      "/app/conf.d/notes.txt": "not YAML: [",
      "/app/conf.d/20-deep.yaml": "include: deep/a.yaml\n",
      "/app/conf.d/deep/a.yaml": "services: { deep: { url: http://deep/ } }\n",
      "/app/more.json": '{ "services": { "more": { "url": "http://more/" } } }',
    },
  });
  assert.deepEqual([...config.services.keys()], ["web", "db", "deep", "more"]);
  assert.equal(config.services.get("db")!.intervalMs, 60_000);
  assert.equal(config.maintenance.length, 2);
});

test("a file that two patterns match is read once", async () => {
  const files = { [MAIN]: "include: [conf.d/a.yaml, conf.d/*.yaml]\n", "/app/conf.d/a.yaml": web };
  assert.deepEqual([...(await loaded({ files })).services.keys()], ["web"]);
});

const FAULTS: [what: string, include: string, files: Record<string, string>, path: string, found: RegExp][] =
  [
    ["matches nothing", "include: conf.d/*.yaml", {}, "include", /"conf.d\/\*.yaml", which no file matches/],
    ["leaves its folder", "include: [../other.yaml]", {}, "include[0]", /leaves the folder/],
    ["is an absolute path", "include: /etc/other.yaml", {}, "include", /leaves the folder/],
    ["has a pattern of folders", "include: '*/a.yaml'", {}, "include", /a pattern of folders/],
    ["is no path", "include: [5]", {}, "include[0]", /^5$/],
    ["includes itself", "include: watchdog.config.yaml", {}, "include", /which includes itself/],
    [
      "includes itself by another",
      "include: a.yaml",
      { "a.yaml": "include: watchdog.config.yaml" },
      "a.yaml: include",
      /"watchdog.config.yaml", which includes itself/,
    ],
    ["cannot be parsed", "include: a.yaml", { "a.yaml": "services: [" }, "a.yaml:1:12", /./],
    [
      "has a service twice",
      "include: a.yaml",
      { "a.yaml": web },
      "a.yaml: services.web",
      /a name that watchdog.config.yaml has already/,
    ],
    ["has another key", "include: a.yaml", { "a.yaml": "port: 1" }, "a.yaml: port", /unknown key "port"/],
    [
      "has services as a list",
      "include: a.yaml",
      { "a.yaml": "services: []" },
      "a.yaml: services",
      /a list of 0/,
    ],
    [
      "has a wrong setting",
      "include: a.yaml",
      { "a.yaml": "services: { db: { url: http://db/, interval: 5x } }" },
      "a.yaml: services.db.interval",
      /5x/,
    ],
  ];

for (const [what, include, more, path, found] of FAULTS) {
  test(`one fault: an included file that ${what}`, async () => {
    const files = Object.fromEntries(Object.entries(more).map(([name, text]) => [`/app/${name}`, text]));
    const faults = await faultsOf({ files: { [MAIN]: `${include}\n${web}`, ...files } });
    assert.deepEqual(
      faults.map((fault) => fault.path),
      [path],
      JSON.stringify(faults),
    );
    assert.match(faults[0]!.found, found);
  });
}

test("a file of 50 MB is refused before it is read", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "watchdog-include-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "large.yaml");
  await writeFile(path, "");
  await truncate(path, 50_000_000);
  const result = await loadConfig({ env: { WATCHDOG_CONFIG: path }, cwd: folder, plugins });
  assert.ok(!result.ok, "it was read");
  assert.match(result.faults[0]!.found, /larger than 16 MiB/);
});

test("a file that changes each time that it is read is refused", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "watchdog-include-"));
  const path = join(folder, "busy.yaml");
  // Nearly as large as a file may be: each reading takes long enough to be disturbed, on a loaded machine too.
  await writeFile(path, "# a line\n".repeat(1_700_000));
  let seconds = 1;
  let isOver = false;
  const touch = () => {
    if (isOver) return;
    utimesSync(path, seconds, seconds++);
    setImmediate(touch);
  };
  t.after(async () => {
    isOver = true;
    await rm(folder, { recursive: true });
  });
  touch();
  const result = await loadConfig({ env: { WATCHDOG_CONFIG: path }, cwd: folder, plugins });
  assert.ok(!result.ok, "it was read");
  assert.match(result.faults[0]!.found, /it changes while it is read/);
});
