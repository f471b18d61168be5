/** The package as npm makes it from a fresh clone, installed in an empty folder without a network. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { anchorsIn } from "../docs/pages.ts";
import { maySkip } from "../installed.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What no clone has. */
const NOT_CLONED = new Set([".git", "node_modules", "dist", "data"]);
const top = mkdtempSync(join(tmpdir(), "spreadpilot-e2e-package-"));
const user = join(top, "user");
const installed = join(user, "node_modules", "spreadpilot-watchdog");
let tarball = "";

/** Rejects with all that the command said. */
async function run(command: string, args: string[], cwd: string): Promise<string> {
  const cache = join(top, "cache");
  // The last one is how some machines reach their registry. None of npm's own variables: `npm test` sets many.
  const { PATH, HOME, NODE_EXTRA_CA_CERTS } = process.env;
  const all = { PATH, HOME, NODE_EXTRA_CA_CERTS, npm_config_cache: cache };
  try {
    return (await promisify(execFile)(command, args, { cwd, env: all })).stdout;
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(" ")}: ${stdout}${stderr || message}`);
  }
}

before(async () => {
  const clone = join(top, "clone");
  mkdirSync(clone);
  for (const name of readdirSync(ROOT)) {
    if (!NOT_CLONED.has(name)) cpSync(join(ROOT, name), join(clone, name), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(clone, "node_modules"));
  await run("npm", ["pack", "--pack-destination", top], clone);
  tarball = join(top, readdirSync(top).find((name) => name.endsWith(".tgz"))!);
  mkdirSync(user);
  writeFileSync(join(user, "package.json"), '{ "private": true, "type": "module" }\n');
  await run("npm", ["install", tarball, "--offline", "--no-audit", "--no-fund"], user);
});
after(() => rmSync(top, { recursive: true }));

test("it brings nothing else along, and leaves out what only its makers need", () => {
  const packages = readdirSync(join(user, "node_modules")).filter((name) => !name.startsWith("."));
  assert.deepEqual(packages, ["spreadpilot-watchdog"]);
  const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
  for (const file of ["dist/cli.js", "dist/plugin.js", "dist/types/plugin.d.ts", "LICENSE", "CHANGELOG.md"]) {
    assert.ok(files.includes(file), file);
  }
  assert.deepEqual(
    files.filter((file) => /^(test|scripts|demo|node_modules|\.ci)\b|\.test\./.test(file)),
    [],
  );
});

test("no link in its pages dangles", () => {
  const pages = readdirSync(installed, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".md"),
  );
  assert.ok(pages.includes("README.md"));
  let count = 0;
  for (const page of pages) {
    const text = readFileSync(join(installed, page), "utf8").replace(/^```.*?^```/gms, "");
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      count++;
      const [path, anchor] = target!.split("#");
      const file = path === "" ? join(installed, page) : join(installed, dirname(page), path!);
      assert.ok(existsSync(file), `${page} links to ${target}`);
      if (anchor !== undefined)
        assert.ok(anchorsIn(readFileSync(file, "utf8")).has(anchor), `${page} links to ${target}`);
    }
  }
  assert.ok(count > 10, `${count} links were found`);
});

test("npx runs it, from the folder and from the tarball alone", async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const says = `spreadpilot-watchdog ${version}\n`;
  assert.equal(await run("npx", ["--offline", "spreadpilot-watchdog", "--version"], user), says);
  assert.equal(
    await run(
      "npx",
      ["--offline", "--yes", `--package=${tarball}`, "spreadpilot-watchdog", "--version"],
      top,
    ),
    says,
  );
});

test("a tick with a plugin that imports spreadpilot-watchdog/plugin runs with nothing else installed", async () => {
  const plugin = `
    import { definePlugin } from "spreadpilot-watchdog/plugin";
    const run = async ({ url }) => ({ ok: true, reason: "asked " + url });
    export default definePlugin(() => ({ name: "own", setup: (watchdog) => watchdog.check({ name: "own", run }) }));
  `;
  writeFileSync(join(user, "own.mjs"), plugin);
  const service = createServer((_, response) => {
    response.end("ok");
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => service.once("listening", resolve));
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;
  const services = { own: { url, check: "own" }, web: { url } };
  const config = { services, plugins: { own: { from: "./own.mjs" } } };
  writeFileSync(join(user, "watchdog.config.json"), JSON.stringify(config));
  try {
    const report = JSON.parse(await run("npx", ["--offline", "spreadpilot-watchdog", "tick"], user));
    assert.equal(report.counts.healthy, 2, JSON.stringify(report));
  } finally {
    service.closeAllConnections();
    service.close();
  }
});

/** A sink with settings, and a check: what a plugin author types. */
const TYPED = `
import { type CheckResult, classifyStatus, definePlugin, type HttpSink, postJson, receiverUrl, sinkSettings } from "spreadpilot-watchdog/plugin";
import * as v from "valibot";

const options = v.strictObject({ ...sinkSettings, url: receiverUrl(), colour: v.optional(v.string(), "red") });
export default definePlugin(
  ({ url, colour, ...settings }: v.InferOutput<typeof options>) => ({
    name: "own",
    setup(watchdog) {
      const sink: HttpSink = {
        name: "own",
        target: new URL(url).origin,
        settings,
        format: (alert) => postJson(url, { text: alert.message, colour, of: alert.params.component_name }),
        classify: (response) => classifyStatus(response, watchdog.clock.now()),
      };
      watchdog.sink(sink);
      const good: CheckResult = { ok: true, reason: "fine" };
      watchdog.check({ name: "own", run: async () => good });
      // @ts-expect-error A check says why.
      watchdog.check({ name: "bad", run: async () => ({ ok: true }) });
    },
  }),
  { options, env: { url: "OWN_URL" } },
);
`;

/** Compiles with the types of one version of Node, library files checked as well. */
async function compile(typesOfNode: string): Promise<void> {
  const modules = join(user, "node_modules");
  mkdirSync(join(modules, "@types"), { recursive: true });
  const links = { valibot: join(ROOT, "node_modules", "valibot"), "@types/node": typesOfNode };
  for (const [name, target] of Object.entries(links)) {
    rmSync(join(modules, name), { force: true });
    symlinkSync(target, join(modules, name));
  }
  writeFileSync(join(user, "own.ts"), TYPED);
  const compilerOptions = {
    ...{
      target: "ES2023",
      lib: ["ES2023"],
      types: ["node"],
      module: "nodenext",
      moduleResolution: "nodenext",
    },
    ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true },
  };
  writeFileSync(join(user, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["own.ts"] }));
  await run(join(ROOT, "node_modules", ".bin", "tsc"), ["-p", user], user);
}

test("a plugin in TypeScript compiles against it", () => compile(join(ROOT, "node_modules", "@types/node")));

for (const major of [20, 22, 24, 26]) {
  test(`a plugin in TypeScript compiles against it with the types of Node ${major}`, async (t) => {
    const folder = join(top, `types-${major}`);
    mkdirSync(folder);
    try {
      await run(
        "npm",
        ["install", `@types/node@${major}`, "--prefix", folder, "--no-audit", "--no-fund"],
        top,
      );
    } catch (error) {
      if (!maySkip) throw error;
      return t.skip(`the npm registry gives no @types/node@${major}`);
    }
    await compile(join(folder, "node_modules", "@types/node"));
  });
}
