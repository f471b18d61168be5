/** `init` as people type it: what it writes, what it never touches, and files that nobody should read. */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

const COMPOSE = `services:
  api:
    container_name: my-api
    healthcheck: { test: [CMD, curl, -f, "http://localhost:\${API_PORT}/health"] }
`;

/** A folder with a Compose file. */
async function place(name: string, compose = COMPOSE): Promise<(file: string) => string> {
  const folder = join(shop.folder, name);
  await mkdir(folder);
  await writeFile(join(folder, "compose.yaml"), compose);
  await writeFile(join(folder, ".env"), "API_PORT=8081 # inside\n");
  return (file) => join(folder, file);
}

async function init(...args: string[]) {
  const { exit, out, err } = shop.run(["init", ...args], {});
  return { code: await exit, out: out(), err: err() };
}

test("it writes a file, says what to do next, and the result is right", async () => {
  const at = await place("writes");
  const { code, out, err } = await init("--from", at("compose.yaml"), "--output", at("made.yaml"));
  assert.deepEqual([code, out], [0, ""], err);
  assert.match(
    err,
    /^Wrote .*made\.yaml: 1 service\.\nRead it, then: WATCHDOG_CONFIG=.*made\.yaml spreadpilot-watchdog doctor\n$/,
  );
  const text = await readFile(at("made.yaml"), "utf8");
  assert.match(text, /url: http:\/\/api:8081\/health # its HEALTHCHECK, by curl\n {4}container: my-api\n/);
  const check = shop.run(["config", "check"], { WATCHDOG_CONFIG: at("made.yaml") });
  assert.equal(await check.exit, 0, check.err());
  assert.match(check.out(), /is right\.\n1 service: api\n/);
});

test("a file that exists is replaced with --force only", async () => {
  const at = await place("force");
  await writeFile(at("made.yaml"), "mine");
  const args = ["--from", at("compose.yaml"), "-o", at("made.yaml")];
  const refused = await init(...args);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /made\.yaml exists and was not touched: --force replaces it/);
  assert.equal(await readFile(at("made.yaml"), "utf8"), "mine");
  assert.equal((await init(...args, "--force")).code, 0);
  assert.match(await readFile(at("made.yaml"), "utf8"), /^# Made by/);
});

test("with -o - it prints the file, and what else it says goes to stderr", async () => {
  const at = await place("prints");
  const { code, out, err } = await init("--from", at("compose.yaml"), "-o", "-");
  assert.equal(code, 0);
  assert.match(out, /^# Made by "spreadpilot-watchdog init" from compose\.yaml\..*\nservices:\n/s);
  assert.match(err, /^Printed: 1 service\.\n/);
});

const BOMB = `a: &a [x,x,x,x,x,x,x,x,x]\n${["b", "c", "d", "e", "f", "g", "h"]
  .map((name, at, all) => `${name}: &${name} [${`*${at === 0 ? "a" : all[at - 1]},`.repeat(9)}]`)
  .join("\n")}\nservices: { web: *h }\n`;

const BAD: [name: string, text: string, says: RegExp][] = [
  ["bomb", BOMB, /compose\.yaml: found excessive alias count/],
  ["deep", `services: ${"[".repeat(100_000)}`, /cannot be read|found/],
  [
    "large",
    `services:\n  web: { image: ${"x".repeat(50 * 1024 * 1024)} }\n`,
    /has 51 MiB: a Compose file has at most 2/,
  ],
  ["broken", "services:\n  web: {\n", /compose\.yaml:\d+:\d+: found .*accepted: YAML/],
  ["twice", "services:\n  web: {}\n  web: {}\n", /compose\.yaml:3:3: found map keys must be unique/],
  ["empty", "", /found no services, accepted: a Compose file with "services"/],
  ["list", "- a\n", /found no services/],
  [
    "proto",
    "services: { __proto__: { image: x } }\n",
    /nothing of it is to be watched.*\n {2}__proto__: its name/,
  ],
  [
    "jobs",
    'services: { web: { restart: "no" } }\n',
    /nothing of it is to be watched.*\n {2}web: a job that ends/,
  ],
];

test("a file that cannot be used is refused with what is wrong, and nothing is written", async () => {
  for (const [name, text, says] of BAD) {
    const at = await place(name, text);
    const { code, err } = await init("--from", at("compose.yaml"), "-o", at("made.yaml"));
    assert.equal(code, 1, name);
    assert.match(err, says);
    assert.ok(err.length < 1000, name);
    await assert.rejects(readFile(at("made.yaml")), name);
  }
});

test("what cannot be read or written is named", async () => {
  const at = await place("paths");
  assert.match((await init("--from", at("none.yaml"))).err, /none\.yaml cannot be read: no such file/);
  const unwritten = await init("--from", at("compose.yaml"), "-o", at("none/made.yaml"));
  assert.equal(unwritten.code, 1);
  assert.match(unwritten.err, /made\.yaml cannot be written: no such file.*"-o -" prints/);
});

test("an option without its value is a mistake", async () => {
  for (const line of [["--from"], ["--output", "--force"], ["-o"], ["--from="]]) {
    const { code, err } = await init(...line);
    assert.equal(code, 2, line.join(" "));
    assert.match(
      err,
      /^spreadpilot-watchdog: (--from|--output|-o) needs a value\nSee "spreadpilot-watchdog help init"/,
    );
  }
});
