import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findJsonFault } from "../../src/config/json.ts";
import { loadConfig } from "../../src/config/load.ts";
import { faultsOf, load, loaded, plugins } from "./fixture.ts";

const SERVICES = { services: { web: { url: "http://web/", interval: "20s" } } };

async function inFolder(files: Record<string, string>, run: (cwd: string) => Promise<void>) {
  const cwd = await mkdtemp(join(tmpdir(), "watchdog-config-"));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text);
    await run(cwd);
  } finally {
    await rm(cwd, { recursive: true });
  }
}

const sources: Record<string, string> = {
  "watchdog.config.json": `\ufeff${JSON.stringify(SERVICES)}`,
  "watchdog.config.yaml": "services:\n  web:\n    url: http://web/\n    interval: 20s\nplugins:\n  cron:\n",
  "watchdog.config.yml": "services: { web: { url: 'http://web/', interval: 20 } }",
  "watchdog.config.ts": `const content: object = ${JSON.stringify(SERVICES)};\nexport default content;\n`,
  "watchdog.config.mjs": `export default async () => (${JSON.stringify(SERVICES)});\n`,
  "watchdog.config.js": `export default (({ env }) => ({ services: { web: { url: env.WEB, interval: 20 } } }));\n`,
};

for (const [name, text] of Object.entries(sources)) {
  test(`services come from a real ${name}`, async () => {
    await inFolder({ [name]: text, "package.json": '{ "type": "module" }' }, async (cwd) => {
      const result = await loadConfig({ env: { WEB: "http://web/" }, cwd, plugins });
      assert.ok(result.ok, JSON.stringify(result));
      assert.equal(result.config.source, join(cwd, name));
      assert.deepEqual([...result.config.services.keys()], ["web"]);
      assert.equal(result.config.services.get("web")!.intervalMs, 20_000);
      assert.equal(result.config.targets.get("web")!.url, "http://web/");
    });
  });
}

test("a TypeScript file outside any package is read", async () => {
  await inFolder({ "watchdog.config.ts": sources["watchdog.config.ts"]! }, async (cwd) => {
    const result = await loadConfig({ env: {}, cwd, plugins });
    assert.ok(result.ok, JSON.stringify(result));
    assert.deepEqual([...result.config.services.keys()], ["web"]);
  });
});

test("a file without services keeps the built-in four", async () => {
  const config = await loaded({ files: { "/app/watchdog.config.yaml": "port: 1\n" } });
  assert.equal(config.port, 1);
  assert.equal(config.services.size, 4);
});

test("WATCHDOG_CONFIG names a file anywhere, and the one in the working folder is not read", async () => {
  const config = await loaded({
    env: { WATCHDOG_CONFIG: "../etc/wd.json" },
    files: { "/etc/wd.json": JSON.stringify(SERVICES), "/app/watchdog.config.json": "not read" },
  });
  assert.equal(config.source, "/etc/wd.json");
});

test("a file that cannot be had is one fault, and the other faults are still told", async () => {
  const named = await faultsOf({ env: { WATCHDOG_CONFIG: "none.json", PORT: "x" } });
  assert.deepEqual(
    named.map(({ path, found }) => [path, found]),
    [
      ["env PORT", '"x"'],
      ["env WATCHDOG_CONFIG", '"none.json": no such file'],
    ],
  );
  const folder = Object.assign(new Error(), { code: "EISDIR" });
  assert.deepEqual(await faultsOf({ files: { "/app/watchdog.config.json": folder } }), [
    { path: "watchdog.config.json", found: "a folder, not a file", accepted: "a readable file" },
  ]);
});

test("two files in the working folder are a fault: nobody could say which one counts", async () => {
  const files = { "/app/watchdog.config.json": "{}", "/app/watchdog.config.yaml": "" };
  assert.deepEqual(await faultsOf({ files }), [
    {
      path: "watchdog.config.*",
      found: "2 configuration files: watchdog.config.json, watchdog.config.yaml",
      accepted: "one of them, or its path in WATCHDOG_CONFIG",
    },
  ]);
});

test("a file of an unknown kind, or of no object, is a fault", async () => {
  const kind = await faultsOf({ env: { WATCHDOG_CONFIG: "wd.toml" }, files: { "/app/wd.toml": "" } });
  assert.deepEqual(kind, [
    {
      path: "wd.toml",
      found: '".toml"',
      accepted: "a file that ends in .ts, .json, .yaml, .yml, .js, .mjs",
    },
  ]);
  const list = await faultsOf({ files: { "/app/watchdog.config.json": "[1]" } });
  assert.deepEqual(list, [
    {
      path: "watchdog.config.json",
      found: "a list of 1",
      accepted: 'an object with "services" and "plugins"',
    },
  ]);
});

test("a fault of YAML's grammar has its line and column", async () => {
  const rows: [string, string, string][] = [
    ["services:\n  web: 'open\n", "watchdog.config.yaml:3:1", "missing closing 'quote"],
    ["services:\n\tweb: 1\n", "watchdog.config.yaml:2:1", "tabs are not allowed as indentation"],
    ["port: 1\nport: 2\n", "watchdog.config.yaml:2:1", "map keys must be unique"],
  ];
  for (const [text, path, found] of rows) {
    const faults = await faultsOf({ files: { "/app/watchdog.config.yaml": text } });
    assert.deepEqual(faults, [{ path, found, accepted: "YAML 1.2, each key once" }]);
  }
});

test("a fault of JSON's grammar has its line and column", async () => {
  const rows: [string, string, string][] = [
    ['{\n  "port": 1,\n}', "3:1", "something else where a key in double quotes should be"],
    ['{\n  "port": 1', "2:12", 'the end of the file where "," or "}" should be'],
    ['{"port" 1}', "1:9", 'something else where ":" should be'],
    ['{"a": [1 2]}', "1:10", 'something else where "," or "]" should be'],
    ['{"a": "open\n"}', "1:7", "something else where a text that ends on its line should be"],
    ["{} {}", "1:4", "something else where the end of the file should be"],
    ["", "1:1", "the end of the file where a value should be"],
    ['{"a": 01}', "1:8", 'something else where "," or "}" should be'],
    ['{"services": {\n "a": {},\n "\\u0061": {}}}', "3:2", "a key that its object has already"],
    ["[".repeat(100), "1:66", "more than 64 levels of nesting"],
  ];
  for (const [text, place, found] of rows) {
    const faults = await faultsOf({ files: { "/app/watchdog.config.json": text } });
    assert.deepEqual(faults, [
      { path: `watchdog.config.json:${place}`, found, accepted: "JSON, each key once" },
    ]);
  }
});

test("what JSON.parse reads has no fault of grammar, and what it refuses has one", () => {
  const right = ["{}", " [ ] ", '{"a":[1,-2.5e+3,true,false,null,{"b":"\\u00e9\\n"}]}', '"x"', "0"];
  const wrong = [
    "{,}",
    "[1,]",
    "tru",
    "truer",
    "-",
    "1.",
    ".5",
    "'a'",
    '"\t"',
    '"\\x"',
    "{a:1}",
    "NaN",
    "//\n1",
  ];
  for (const text of right) {
    JSON.parse(text);
    assert.equal(findJsonFault(text), undefined, text);
  }
  for (const text of wrong) {
    assert.throws(() => JSON.parse(text), text);
    assert.notEqual(findJsonFault(text), undefined, text);
  }
});

test("a module that this Node cannot load says what to do", async () => {
  const unknown = Object.assign(new Error("Unknown file extension"), { code: "ERR_UNKNOWN_FILE_EXTENSION" });
  const faults = await faultsOf({
    files: { "/app/watchdog.config.ts": "" },
    modules: {
      "file:///app/watchdog.config.ts": () => {
        throw unknown;
      },
    },
  });
  assert.deepEqual(faults, [
    {
      path: "watchdog.config.ts",
      found: "TypeScript, which this Node cannot load",
      accepted:
        "a .mjs file (a configuration may also be .json or .yaml); or a start on Node 22.18 or later, on Deno, or with `node --import tsx`",
    },
  ]);
});

test("a module that was compiled to CommonJS has its default export one level deeper", async () => {
  const module = { default: { __esModule: true, default: { port: 7 } } };
  const files = { "/app/watchdog.config.js": "" };
  assert.equal((await loaded({ files, modules: { "file:///app/watchdog.config.js": module } })).port, 7);
});

test("a module that throws, or exports nothing, is a fault", async () => {
  const found = async (module: unknown) => {
    const files = { "/app/watchdog.config.js": "" };
    const faults = await faultsOf({ files, modules: { "file:///app/watchdog.config.js": module } });
    assert.equal(faults.length, 1);
    return faults[0]!.found;
  };
  const fail = () => {
    throw new TypeError("x is not a function\nat line 1");
  };
  assert.equal(await found(fail), 'a module that failed to load: "TypeError: x is not a function"');
  assert.equal(await found({}), "no default export");
  assert.equal(await found({ default: fail }), 'a function that threw "TypeError: x is not a function"');
  assert.equal(await found({ default: 5 }), "(hidden, 1 character)");
});

test("nothing that goes wrong inside is thrown", async () => {
  const result = await load({}, { plugins: null as never });
  assert.ok(!result.ok);
  assert.equal(result.faults.length, 1);
  assert.match(result.faults[0]!.found, /^an error of ours: "TypeError/);
});
