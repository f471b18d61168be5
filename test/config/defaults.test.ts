import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, json, load, loaded, type World, web } from "./fixture.ts";

test("without file and environment, the configuration is exactly the seed's", async () => {
  const { services, targets, awaited: _a, sections: _, serviceSource: __, ...rest } = await loaded({});
  const table = [...services.values()].map((policy) => [
    policy.name,
    policy.displayName,
    targets.get(policy.name)!.url,
    policy.container,
  ]);
  assert.deepEqual(table, [
    [
      "gateway_manager",
      "Gateway Manager",
      "http://gateway-manager:8080/health",
      "spreadpilot-gateway-manager",
    ],
    ["executor", "Executor", "http://executor:8080/health", "spreadpilot-executor"],
    ["monitor", "Monitor", "http://monitor:8080/health", "spreadpilot-monitor"],
    ["dashboard", "Dashboard", "http://dashboard:3000/api/health", "spreadpilot-dashboard"],
  ]);
  assert.deepEqual([...targets.keys()], [...services.keys()]);
  assert.deepEqual(services.get("executor"), {
    name: "executor",
    displayName: "Executor",
    container: "spreadpilot-executor",
    healthUrl: "http://executor:8080/health",
    action: "restart",
    dryRun: false,
    intervalMs: 15_000,
    failureThreshold: 3,
    successThreshold: 1,
    backoff: { baseMs: 10_000, capMs: 300_000, jitter: 0.2 },
    budget: { restarts: 5, windowMs: 600_000 },
    stableMs: 600_000,
    dependsOn: [],
    restartWith: [],
    respectManualStop: false,
    recoveryAfter: 1,
  });
  assert.deepEqual(targets.get("executor"), {
    url: "http://executor:8080/health",
    check: "http",
    restarter: "docker",
    timeoutMs: 5000,
    options: { http: { status: 200, headers: {} }, docker: {} },
  });
  assert.deepEqual(rest, {
    source: "built-in services",
    plugins: [
      { name: "http", options: {} },
      { name: "docker", options: {} },
      { name: "cron", options: {} },
    ],
    host: "127.0.0.1",
    port: 8787,
    tokens: [],
    secrets: [],
    stateFile: "/app/data/state.json",
    logLevel: "info",
    logFormat: "pretty",
    startDelayMs: 0,
    notices: [],
    cron: true,
    tickBudgetMs: 10_000,
    maxConcurrentRestarts: 4,
    dryRun: false,
    maintenance: [],
  });
});

test("the environment's three seed settings are the defaults of services that do not set their own", async () => {
  const env = { CHECK_INTERVAL_SECONDS: "30", HEALTH_CHECK_TIMEOUT: "2.5", MAX_CONSECUTIVE_FAILURES: "5" };
  const own = { url: "http://own/", interval: "1m", timeout: "500ms", failureThreshold: 2 };
  const { services, targets } = await loaded({
    env,
    ...json({ services: { own, bare: { url: "http://bare/" } } }),
  });
  assert.deepEqual(
    ["own", "bare"].map((name) => {
      const { intervalMs, failureThreshold } = services.get(name)!;
      return [intervalMs, targets.get(name)!.timeoutMs, failureThreshold];
    }),
    [
      [60_000, 500, 2],
      [30_000, 2500, 5],
    ],
  );
});

test("an empty variable is one that is not set", async () => {
  const config = await loaded({ env: { PORT: "", CHECK_INTERVAL_SECONDS: " ", WATCHDOG_TOKEN: "" } });
  assert.equal(config.port, 8787);
  assert.deepEqual(config.tokens, []);
});

test("every variable of the runner is read", async () => {
  const result = await load({
    env: {
      HOST: "0.0.0.0",
      PORT: "9000",
      STATE_FILE: "/var/lib/watchdog/state.json",
      WATCHDOG_TOKEN: "the-first-of-the-tokens, the-second-of-the-tokens,",
      CRON_SECRET: "a-secret,with-a-comma",
      WATCHDOG_CRON: "False",
      LOG_LEVEL: "DEBUG",
      LOG_FORMAT: "json",
      DRY_RUN: "1",
    },
  });
  assert.ok(result.ok);
  const { host, port, stateFile, tokens, cron, plugins, logLevel, logFormat, dryRun, services } =
    result.config;
  assert.deepEqual(
    { host, port, stateFile, tokens, cron, logLevel, logFormat, dryRun },
    {
      host: "0.0.0.0",
      port: 9000,
      stateFile: "/var/lib/watchdog/state.json",
      tokens: ["the-first-of-the-tokens", "the-second-of-the-tokens", "a-secret,with-a-comma"],
      cron: false,
      logLevel: "debug",
      logFormat: "json",
      dryRun: true,
    },
  );
  assert.deepEqual(
    plugins.map(({ name }) => name),
    ["http", "docker"],
  );
  assert.ok([...services.values()].every((policy) => policy.dryRun));
});

test("for what concerns the process, the environment wins over the file, and the file over the default", async () => {
  const content = { host: "127.0.0.2", port: 1000, stateFile: "here/state.json", logLevel: "warn" };
  const config = await loaded({ env: { PORT: "2000" }, ...json(content) });
  assert.deepEqual(
    [config.host, config.port, config.stateFile, config.logLevel],
    ["127.0.0.2", 2000, "/app/here/state.json", "warn"],
  );
});

test("a dry run of all leaves no service out", async () => {
  const { services } = await loaded(web({ dryRun: false }, { dryRun: true }));
  assert.equal(services.get("web")!.dryRun, true);
});

test("every setting of a service reaches its policy", async () => {
  const settings = {
    displayName: "The Web",
    container: "web-1",
    fastInterval: 2,
    successThreshold: 2,
    startPeriod: "20s",
    action: "stop",
    dependsOn: ["db", "db"],
    restartWith: ["db"],
    backoff: { base: "1s", cap: "1m", jitter: 0 },
    budget: { restarts: 2, window: "5m" },
    stable: "1m",
    respectManualStop: true,
    recoveryAfter: 2,
    remindEvery: "1h",
    maintenance: [{ cron: "0 3 * * 0", duration: "2h", timeZone: "Europe/Warsaw" }],
    docker: { stopTimeout: "2m" },
  };
  const services = { web: { url: "http://web/", ...settings }, db: { url: "http://db/" } };
  const config = await loaded(
    json({ services, maintenance: [{ cron: "@daily", duration: 60 }], brake: { min: 2 } }),
  );
  assert.deepEqual(config.services.get("web"), {
    name: "web",
    displayName: "The Web",
    container: "web-1",
    healthUrl: "http://web/",
    action: "stop",
    dryRun: false,
    intervalMs: 15_000,
    fastIntervalMs: 2000,
    failureThreshold: 3,
    successThreshold: 2,
    startPeriodMs: 20_000,
    backoff: { baseMs: 1000, capMs: 60_000, jitter: 0 },
    budget: { restarts: 2, windowMs: 300_000 },
    stableMs: 60_000,
    dependsOn: ["db"],
    restartWith: ["db"],
    respectManualStop: true,
    recoveryAfter: 2,
    remindEveryMs: 3_600_000,
  });
  assert.deepEqual(config.targets.get("web")!.options.docker, { stopTimeout: 120_000 });
  assert.deepEqual(config.maintenance, [
    { cron: "@daily", durationMs: 60_000, timeZone: "UTC" },
    { service: "web", cron: "0 3 * * 0", durationMs: 7_200_000, timeZone: "Europe/Warsaw" },
  ]);
  assert.deepEqual(config.brake, { share: 0.5, min: 2, windowMs: 60_000 });
});

test("one of a backoff's base and cap moves the other's default along", async () => {
  const backoffOf = async (backoff: object) => (await loaded(web({ backoff }))).services.get("web")!.backoff;
  assert.deepEqual(await backoffOf({ base: "10m" }), { baseMs: 600_000, capMs: 600_000, jitter: 0.2 });
  assert.deepEqual(await backoffOf({ cap: "2s" }), { baseMs: 2000, capMs: 2000, jitter: 0.2 });
});

test("things that look odd and are right", async () => {
  const right: World[] = [
    web({ budget: "never" }),
    // A check that outlasts its interval.
    web({ interval: "1s", timeout: "5s" }),
    // Restarted along with each other.
    json({
      services: {
        a: { url: "http://a/", restartWith: ["b"] },
        b: { url: "http://b/", restartWith: ["a"] },
      },
    }),
    // Two ways to the same dependency are no cycle.
    json({
      services: {
        a: { url: "http://a/", dependsOn: ["b", "c"] },
        b: { url: "http://b/", dependsOn: ["d"] },
        c: { url: "http://c/", dependsOn: ["d"] },
        d: { url: "http://d/" },
      },
    }),
    // One container, watched twice, restarted by one.
    json({
      services: {
        a: { url: "http://a/", container: "app" },
        b: { url: "http://a/admin", container: "app", action: "notify" },
      },
    }),
    web({}, { $schema: "./schema.json" }),
    { env: { HOST: "127.0.0.53" } },
    { env: { HOST: "::1" } },
    { env: { HOST: "::", CRON_SECRET: "sixteen-are-fine" } },
    { env: { HOST: "localhost", WATCHDOG_TOKEN: "x" } },
  ];
  for (const world of right) await loaded(world);
});

test("a budget of never is no budget", async () => {
  assert.equal((await loaded(web({ budget: "never" }))).services.get("web")!.budget, null);
});

test("only a restarter of containers needs a container to have something to restart", async () => {
  const world = web({ restarter: "process", process: { command: "x" } }, { plugins: { process: true } });
  assert.equal((await loaded(world)).services.get("web")!.container, "web");
  assert.equal((await loaded(web({}))).services.get("web")!.container, "");
});

test("a tick waits for restarts no longer than the shortest interval", async () => {
  assert.equal((await loaded(web({ interval: "2s" }))).tickBudgetMs, 2000);
  assert.equal((await loaded(web({ interval: "2s" }, { tickBudget: "30s" }))).tickBudgetMs, 30_000);
});

test("another machine's address in the environment needs a token", async () => {
  const faults = await faultsOf({ env: { HOST: "10.0.0.5" } });
  assert.deepEqual(
    faults.map(({ path, found }) => [path, found]),
    [["env HOST", '"10.0.0.5" without a token']],
  );
});

test("ten thousand services with a chain of dependencies are judged without a full call stack", async () => {
  const services = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, i) => [
      `s${i}`,
      { url: "http://s/", dependsOn: [`s${(i + 1) % 10_000}`] },
    ]),
  );
  const faults = await faultsOf(json({ services }));
  assert.equal(faults.length, 1);
  assert.match(faults[0]!.found, /^a cycle: s0 -> s1 -> .* -> s19 -> … -> s0$/);
});

test("what is shown of a URL is without query and fragment; a check may need no URL", async () => {
  const services = {
    web: { url: "https://web:8443/health?key=planted#planted" },
    redis: { url: "tcp://redis:6379?planted", check: "console" },
    bare: { check: "console" },
  };
  const config = await loaded(json({ services, plugins: { console: {} } }));
  const shown = [...config.services.values()].map(({ healthUrl }) => healthUrl);
  assert.deepEqual(shown, ["https://web:8443/health", "tcp://redis:6379", undefined]);
  assert.equal(config.targets.get("web")!.url, "https://web:8443/health?key=planted#planted");
});
