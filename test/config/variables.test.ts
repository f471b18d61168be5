// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the variables of a configuration file.
/** Variables in the values of a file. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { builtins } from "../../src/builtin-plugins.ts";
import { faultsOf, json, load, loaded } from "./fixture.ts";

const env = {
  PORT_OF_OURS: "9000",
  NAME: "shop",
  DRY: "yes",
  EMPTY: "",
  API_TOKEN: "planted-token",
  STATUS: "204",
};

test("a variable is its text, and a number or a flag where the setting is one", async () => {
  const config = await loaded({
    ...json({
      port: "${PORT_OF_OURS}",
      dryRun: "${DRY}",
      defaults: { failureThreshold: "${TRIES:-7}", http: { status: "${STATUS}" } },
      services: {
        web: { url: "http://${NAME}:${PORT_OF_OURS}/", displayName: "${NAME}", interval: "${EVERY:-2m}" },
      },
    }),
    env,
  });
  assert.equal(config.port, 9000);
  assert.equal(config.dryRun, true);
  const web = config.services.get("web")!;
  assert.equal(web.displayName, "shop");
  assert.equal(web.healthUrl, "http://shop:9000/");
  assert.deepEqual([web.failureThreshold, web.intervalMs], [7, 120_000]);
  assert.deepEqual(config.targets.get("web")!.options.http, { status: 204, headers: {} });
});

test("a name of digits stays a name; $$ is a dollar; other dollars are themselves; keys are left alone", async () => {
  const services = { "${NAME}": {}, web: { url: "http://w/", displayName: "${NAME} $$5 $6 $NAME $${NAME}" } };
  const faults = await faultsOf({ ...json({ services }), env });
  assert.deepEqual(
    faults.map(({ path }) => path),
    ['services["${NAME}"]'],
  );
  const digits = await loaded({
    ...json({ services: { web: { url: "http://w/", displayName: "${PORT_OF_OURS}" } } }),
    env,
  });
  assert.equal(digits.services.get("web")!.displayName, "9000");
  const dollars = await loaded({ ...json({ services: { web: services.web } }), env });
  assert.equal(dollars.services.get("web")!.displayName, "shop $5 $6 $NAME ${NAME}");
});

test("what a secret variable holds is hidden", async () => {
  const plugins = { slack: { url: "http://slack/${API_TOKEN}" } };
  const result = await load({ ...json({ plugins }), env }, { plugins: builtins });
  assert.ok(result.ok, JSON.stringify(result));
  assert.ok(result.config.secrets.includes("planted-token"));
});

const FAULTS: readonly (readonly [text: string, found: RegExp, accepted: RegExp])[] = [
  ["${NOWHERE}", /^\$\{NOWHERE\}, which is not set$/, /a value for NOWHERE/],
  ["${EMPTY}", /EMPTY/, /a value for EMPTY/],
  ["${NOWHERE:?ask the people of the shop}", /NOWHERE/, /^ask the people of the shop$/],
  ["${NAME", /without a variable after it/, /\$\{NAME\}/],
  ["${}", /without a variable after it/, /for a dollar/],
  ["${a b}", /without a variable after it/, /for a dollar/],
  ["${NAME:+x}", /without a variable after it/, /for a dollar/],
];

test("a variable that is not set, or is none, is a fault with its path", async () => {
  for (const [text, found, accepted] of FAULTS) {
    const services = { web: { url: "http://w/", dependsOn: ["db", `a${text}`] }, db: { url: "http://db/" } };
    const faults = await faultsOf({ ...json({ services }), env });
    const [first] = faults;
    assert.equal(first!.path, "services.web.dependsOn[1]", text);
    assert.match(first!.found, found, text);
    assert.match(first!.accepted, accepted, text);
  }
});

test("a module reads the environment itself", async () => {
  const services = { web: { url: "http://w/", displayName: "${NAME} $$" } };
  const config = await loaded({
    files: { "/app/watchdog.config.mjs": "" },
    modules: { "file:///app/watchdog.config.mjs": { default: { services } } },
    env,
  });
  assert.equal(config.services.get("web")!.displayName, "${NAME} $$");
});
