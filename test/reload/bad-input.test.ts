/** Whatever a file turns into while the watchdog runs is a fault with its path, and the old configuration stays. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Reloaded } from "../../src/config/config.ts";
import { folderOf, reloading, servicesFile, watched } from "./rig.ts";

const bomb = () => {
  const level = (i: number) =>
    `x-${i}: &a${i} [${Array(10)
      .fill(`*a${i - 1}`)
      .join(", ")}]`;
  const levels = Array.from({ length: 9 }, (_, i) => level(i + 1));
  return ["x-0: &a0 [lol]", ...levels, "services: { b: { url: 'http://127.0.0.1:9/', options: *a9 } }"].join(
    "\n",
  );
};

const WRONG: [string, () => string, RegExp][] = [
  ["a bomb of YAML aliases", bomb, /watchdog\.yaml.*excessive alias count/is],
  ["a duplicate key", () => "services: {}\nservices: {}\n", /watchdog\.yaml:2:1.*unique/is],
  ["a file of 50 MB", () => `# ${"x".repeat(50 * 1024 * 1024)}`, /too large|16 MiB/i],
  ["bytes that are no text", () => "\u0000\u0001\ufffd", /watchdog\.yaml/],
  ["an include that matches nothing", () => "include: conf.d/*.yaml", /include.*which no file matches/s],
  ["an include of itself", () => "include: watchdog.yaml", /include/],
  ["an include outside its folder", () => "include: ../*.yaml", /include/],
  ["a template that does not exist", () => "services: { b: { extends: [none] } }", /extends.*none/s],
  ["a template that extends itself", () => "templates: { t: { extends: [t] } }\nservices: {}", /extends/],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of a configuration.
  ["a variable that is not set", () => "services: { b: { url: '${NOT_SET_AT_ALL}' } }", /NOT_SET_AT_ALL/],
  ["another port", () => `${servicesFile("a").slice(0, -1)}, "port": 9999 }`, /port.*restart the watchdog/s],
];

for (const [what, text, fault] of WRONG) {
  test(`${what} changes nothing`, async (t) => {
    const dog = await watched(t);
    await dog.write(text());
    await dog.look();
    assert.equal(dog.reads(), 1);
    assert.match(dog.troubles[0] ?? "", fault);
    assert.match(dog.troubles[0]!, /the one before stays in force/);
    assert.deepEqual(dog.names(), ["a"]);
    await dog.look();
    assert.equal(dog.reads(), 1, "it is not tried again");
    await dog.write(servicesFile("a", "z"));
    await dog.look();
    assert.deepEqual([dog.names(), dog.troubles.at(-1)], [["a", "z"], null]);
  });
}

/** What the module says from now on, and whether that is taken up. */
const MODULES: [string, string][] = [
  ["mjs", "export default "],
  ["cjs", "module.exports = "],
];

for (const [ending, head] of MODULES) {
  test(`a module (.${ending}) is evaluated again when it has changed, and only then`, async (t) => {
    const folder = await folderOf(t);
    const path = join(folder, `watchdog.config.${ending}`);
    const write = (text: string) => writeFile(path, text);
    const counted = `globalThis.evaluated = (globalThis.evaluated ?? 0) + 1;\n`;
    Object.assign(globalThis, { evaluated: 0 });
    const evaluated = () => (globalThis as { evaluated?: number }).evaluated;
    await write(`${counted}${head}${servicesFile("a")}`);
    const dog = await reloading(t, { WATCHDOG_CONFIG: path });
    void dog.watch();
    await dog.look();
    await dog.reload("test");
    assert.equal(evaluated(), 1);
    await write(`${counted}${head}() => (${servicesFile("b")})`);
    await dog.look();
    assert.deepEqual([dog.names(), evaluated()], [["b"], 2]);

    for (const wrong of [
      "throw new Error('no');",
      `${head}() => { throw new Error("no") }`,
      `${head}{{`,
      `${head}7`,
    ]) {
      await write(wrong);
      await dog.look();
      assert.match(dog.troubles.at(-1)!, new RegExp(`watchdog\\.config\\.${ending}`));
      assert.deepEqual(dog.names(), ["b"]);
    }
    // What it said long ago is right again.
    await write(`${counted}${head}${servicesFile("a")}`);
    await dog.look();
    assert.deepEqual([dog.names(), dog.troubles.at(-1)], [["a"], null]);
  });
}

test("a module that never resolves is a fault after its time", {
  skip: "Deno" in globalThis && "Deno mocks no timers",
}, async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, "watchdog.config.mjs");
  await writeFile(path, `export default ${servicesFile("a")};`);
  const dog = await reloading(t, { WATCHDOG_CONFIG: path });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (const never of ["await new Promise(() => {});", "export default () => new Promise(() => {});"]) {
    await writeFile(path, `${never} // ${servicesFile("b")}`);
    let answer: Reloaded | undefined;
    void dog.reload("test").then((got) => {
      answer = got;
    });
    while (answer === undefined) {
      await turn();
      t.mock.timers.tick(1000);
    }
    assert.match(answer.text, /after 10 s/);
    assert.deepEqual(dog.names(), ["a"]);
  }
});

const plugin = (mark: string) =>
  `export default () => ({ name: "own", setup: ({ check }) => check({ name: "own", run: async () => ({ ok: true, reason: "${mark}" }) }) });`;

test("a plugin's module that failed is loaded when it is mended, and one that changed is set up anew", async (t) => {
  const folder = await folderOf(t);
  const [path, module] = [join(folder, "watchdog.json"), join(folder, "own.mjs")];
  await writeFile(path, servicesFile("a"));
  const dog = await reloading(t, { WATCHDOG_CONFIG: path });
  void dog.watch();
  const file = { ...JSON.parse(servicesFile("a", "b")), plugins: { own: { from: "./own.mjs" } } };
  await writeFile(path, JSON.stringify(file));
  await writeFile(module, "throw new Error('not yet');");
  await dog.look();
  assert.match(dog.troubles[0]!, /plugins\.own\.from.*not yet/s);
  const said = async () =>
    (
      await dog
        .setup()
        .registry.checks.get("own")!
        .run({} as never, {} as never)
    ).reason;
  for (const mark of ["mended", "changed"]) {
    await writeFile(module, plugin(mark));
    await dog.look();
    assert.equal(await said(), mark);
  }
  assert.deepEqual(dog.names(), ["a", "b"]);
  await writeFile(module, "export default 7;");
  await dog.look();
  assert.equal(await said(), "changed");
});

test("a plugin whose setup fails is a fault, and what was set up beside it ends", async (t) => {
  const dog = await watched(t);
  const module = join(dog.folder, "bad.mjs");
  await writeFile(
    module,
    `export default () => ({ name: "bad", setup() { throw new Error("no licence, token=s3cr3t-of-it"); } });`,
  );
  await dog.write(
    JSON.stringify({
      ...JSON.parse(servicesFile("b")),
      plugins: { bad: { from: "./bad.mjs", token: "s3cr3t-of-it" } },
    }),
  );
  await dog.look();
  assert.match(dog.troubles[0]!, /plugins\.bad.*could not be set up/s);
  assert.deepEqual(dog.names(), ["a"]);
});
